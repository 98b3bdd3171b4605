/**
 * `ModifyRequestBody`, `ModifyResponseBody`, `CacheRequestBody`. The first two take a function and are therefore made
 * in code, for a plugin; they are given the whole body, decoded.
 * @example
 * export const plugin = { filters: [modifyResponseBody('Upper', body => body.toString().toUpperCase())] }
 */
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
  return {
    name,
    fields: [],
    create: (_args, _draft, _context, order) => ({
      name,
      order,
      responseBody: {
        maxBytes: options.maxBytes ?? MAX_BYTES,
        async transform (x, body) {
          if (options.contentType !== undefined) x.setResponseHeader('content-type', options.contentType)
          return Buffer.from(await rewrite(body, x))
        }
      },
      toString: () => filterText(name)
    })
  }
}

/** Holds the body before anything is sent; here it only bounds it, because retries keep what they need themselves. */
export const cacheRequestBody: FilterFactory = {
  name: 'CacheRequestBody',
  fields: ['bodyClass'],
  create: (_args, _draft, _context, order) => ({
    name: 'CacheRequestBody',
    order,
    requestBody: { maxBytes: MAX_BYTES, asSent: true, transform: (_x, body) => body },
    toString: () => filterText('CacheRequestBody')
  })
}

/** There is no session here to save: accepted so that a file that names it runs. */
export const saveSession: FilterFactory = {
  name: 'SaveSession',
  fields: [],
  create: (_args, _draft, _context, order) => ({ name: 'SaveSession', order, toString: () => filterText('SaveSession') })
}
