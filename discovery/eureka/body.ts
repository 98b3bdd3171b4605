import { gunzip } from 'node:zlib'
import { promisify } from 'node:util'
import { badRequest, type Answer } from './answers.ts'
import { parseXml } from './xml-parse.ts'

/** A parsed body: null-prototype objects from XML, plain ones from JSON, whose own keys alone are looked at. */
export type Tree = Readonly<Record<string, unknown>>

export const UNPARSABLE = '{"error":"cannot parse request body"}'

const unzip = promisify(gunzip)
const GZIP = /^(x-)?gzip$/i
const UTF8 = new TextDecoder('utf-8', { fatal: true })

/** Undoes `Content-Encoding: gzip`, which Netflix's peers may use; the limit holds for the unpacked size too. */
export async function unpack (
  body: Buffer, encoding: string | undefined, limitBytes: number
): Promise<Buffer | Answer> {
  if (encoding === undefined || encoding === '' || encoding === 'identity') return body
  if (!GZIP.test(encoding)) return badRequest(`Unsupported Content-Encoding: ${encoding}`)
  return await unzip(body, { maxOutputLength: limitBytes }).catch(() => badRequest(UNPARSABLE))
}

/** JSON or XML as a tree; undefined when it is neither what it says nor an object. */
export function parseTree (body: Buffer, form: 'json' | 'xml'): Tree | undefined {
  try {
    const text = UTF8.decode(body)
    const tree: unknown = form === 'json' ? JSON.parse(text) : parseXml(text)
    return isTree(tree) ? tree : undefined
  } catch {
    return undefined
  }
}

export function isTree (value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
