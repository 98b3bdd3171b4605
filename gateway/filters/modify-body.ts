/**
 * `ModifyRequestBody`, `ModifyResponseBody`, `CacheRequestBody`. The first two take a function and are therefore made
 * in code, for a plugin; they hold the whole body, decode gzip, deflate and br, and set the length anew.
 * @example
 * export const plugin = { filters: [modifyResponseBody('Upper', body => body.toString().toUpperCase())] }
 */
import { promisify } from 'node:util'
import { brotliDecompress, gunzip, inflate } from 'node:zlib'
import type { Exchange } from '../exchange.ts'
import type { FilterFactory } from '../routes/factory.ts'
import { filterText } from './text.ts'

export type Rewrite = (body: Buffer, x: Exchange) => string | Buffer | Promise<string | Buffer>

export interface ModifyOptions {
  /** @default 1 MiB; larger requests are refused with 413, larger answers with 502. */
  readonly maxBytes?: number
  readonly contentType?: string
}

const MAX_BYTES = 1024 * 1024

/** A filter of that name, which rewrites request bodies. */
export function modifyRequestBody (name: string, rewrite: Rewrite, options: ModifyOptions = {}): FilterFactory {
  return {
    name,
    fields: [],
    create: (_args, _draft, _context, order) => ({
      name,
      order,
      request (x) {
        if (options.contentType !== undefined) x.setHeader('content-type', options.contentType)
        return undefined
      },
      requestBody: {
        maxBytes: options.maxBytes ?? MAX_BYTES,
        transform: async (x, body) => Buffer.from(await rewrite(body, x))
      },
      toString: () => filterText(name)
    })
  }
}

/** A filter of that name, which rewrites answers. What was compressed arrives plain, and leaves plain. */
export function modifyResponseBody (name: string, rewrite: Rewrite, options: ModifyOptions = {}): FilterFactory {
  const maxBytes = options.maxBytes ?? MAX_BYTES
  return {
    name,
    fields: [],
    create: (_args, _draft, _context, order) => ({
      name,
      order,
      responseBody: {
        maxBytes,
        async transform (x, body) {
          const plain = await decoded(body, x.responseHeader('content-encoding') ?? 'identity', maxBytes)
          x.removeResponseHeader('content-encoding')
          x.removeResponseHeader('etag')
          if (options.contentType !== undefined) x.setResponseHeader('content-type', options.contentType)
          return Buffer.from(await rewrite(plain, x))
        }
      },
      toString: () => filterText(name)
    })
  }
}

/** A decompression bomb ends at the limit. */
async function decoded (body: Buffer, encoding: string, maxOutputLength: number): Promise<Buffer> {
  switch (encoding.trim().toLowerCase()) {
    case 'identity': case '': return body
    case 'gzip': case 'x-gzip': return await promisify(gunzip)(body, { maxOutputLength })
    case 'deflate': return await promisify(inflate)(body, { maxOutputLength })
    case 'br': return await promisify(brotliDecompress)(body, { maxOutputLength })
    default: throw new Error(`content-encoding ${encoding} is not understood`)
  }
}

/** Holds the body before anything is sent; here it only bounds it, because retries keep what they need themselves. */
export const cacheRequestBody: FilterFactory = {
  name: 'CacheRequestBody',
  fields: ['bodyClass'],
  create: (_args, _draft, _context, order) => ({
    name: 'CacheRequestBody',
    order,
    requestBody: { maxBytes: MAX_BYTES, transform: (_x, body) => body },
    toString: () => filterText('CacheRequestBody')
  })
}

/** There is no session here to save: accepted so that a file that names it runs. */
export const saveSession: FilterFactory = {
  name: 'SaveSession',
  fields: [],
  create: (_args, _draft, _context, order) => ({ name: 'SaveSession', order, toString: () => filterText('SaveSession') })
}
