/**
 * `Version=1.3` is that version, `Version=1.1+` that or a later one. A request without a version fits, as in Spring.
 * Where the version stands is said by `spring.webflux.apiversion.use.*`.
 */
import type { Exchange } from '../../exchange.ts'
import type { ApiVersionSource } from '../../options.ts'
import type { PredicateFactory } from '../factory.ts'
import { queryValues } from '../query.ts'

export const version: PredicateFactory = {
  name: 'Version',
  fields: ['version'],
  create (args, _draft, context) {
    const text = args.string('version')
    const wanted = args.parsed('version', one => parseVersion(one.replace(/\+$/, '')))
    const orLater = text.endsWith('+')
    const source = context.options.apiVersion
    return {
      name: 'Version',
      test (x) {
        const given = requestVersion(x, source)
        if (given === undefined) return true
        if (!/^v?\d+(\.\d+)*$/i.test(given)) return false
        const order = compareVersions(parseVersion(given), wanted)
        return order === 0 || (orLater && order > 0)
      },
      toString: () => `Version: ${text}`
    }
  }
}

function requestVersion (x: Exchange, source: ApiVersionSource): string | undefined {
  if (source.header !== undefined) return x.header(source.header.toLowerCase())
  if (source.queryParameter !== undefined) return queryValues(x.query, source.queryParameter)[0]
  if (source.mediaTypeParameter !== undefined) {
    const accept = x.header('accept') ?? x.header('content-type') ?? ''
    return accept.split(';').map(part => part.trim().split('='))
      .find(([name]) => name === source.mediaTypeParameter)?.[1]
  }
  return source.pathSegment === undefined ? undefined : x.path.split('/')[source.pathSegment + 1]
}

function parseVersion (text: string): number[] {
  const parts = text.replace(/^v/i, '').split('.').map(Number)
  if (parts.some(part => !Number.isInteger(part))) throw new Error('a version is written 1, 1.2 or 1.2.3')
  return parts
}

function compareVersions (a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}
