/** Filters that refuse what is too large: RequestSize (413) and RequestHeaderSize (431). */
import type { FilterFactory } from '../routes/factory.ts'
import { filterText } from './text.ts'

/** Bytes as Spring writes them: `5.0 MB`, powers of 1000. */
function megabytes (bytes: number): string {
  const units: ReadonlyArray<readonly [size: number, unit: string]> = [[1e9, 'GB'], [1e6, 'MB'], [1e3, 'kB']]
  const [size, unit] = units.find(([least]) => bytes >= least) ?? [1, 'B']
  return size === 1 ? `${bytes} ${unit}` : `${(bytes / size).toFixed(1)} ${unit}`
}

/** Body bytes are counted as they arrive, so a chunked body is limited too (Spring looks at Content-Length only). */
export const requestSize: FilterFactory = {
  name: 'RequestSize',
  fields: ['maxSize'],
  create (args, draft, _context, order) {
    const maxBytes = args.bytes('maxSize', '5000000B')
    draft.maxRequestBytes = maxBytes
    return {
      name: 'RequestSize',
      order,
      request (x) {
        const length = Number(x.header('content-length') ?? 0)
        if (!(length > maxBytes)) return undefined
        const message = 'Request size is larger than permissible limit. ' +
          `Request size is ${megabytes(length)} where permissible limit is ${megabytes(maxBytes)}`
        return { status: 413, headers: [['errormessage', message]], body: '' }
      },
      toString: () => filterText('RequestSize', ['max', maxBytes])
    }
  }
}

export const requestHeaderSize: FilterFactory = {
  name: 'RequestHeaderSize',
  fields: ['maxSize', 'errorHeaderName'],
  create (args, _draft, _context, order) {
    const maxBytes = args.bytes('maxSize', '16000B')
    const errorHeader = args.string('errorHeaderName', 'errorMessage').toLowerCase()
    return {
      name: 'RequestHeaderSize',
      order,
      request (x) {
        const large = x.headerNames()
          .map(name => [name, x.headerValues(name).reduce((sum, value) => sum + value.length, name.length)] as const)
          .find(([, bytes]) => bytes > maxBytes)
        if (large === undefined) return undefined
        const message = `Request Header/s size is larger than permissible limit (${maxBytes}B). ` +
          `Request Header/s size for '${large[0]}' is ${large[1]}B.`
        return { status: 431, headers: [[errorHeader, message]], body: '' }
      },
      toString: () => filterText('RequestHeaderSize', ['max', `${maxBytes}B`])
    }
  }
}
