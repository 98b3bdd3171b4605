import { readFile, stat } from 'node:fs/promises'
import { basename, dirname, extname, join } from 'node:path'
import { decodeYaml } from './decode.ts'
import { settingsError } from './errors.ts'
import { parseProperties } from './properties.ts'
import { PARSE_LIMITS } from './types.ts'
import type { ConfigDocument } from './types.ts'
import { parseYaml } from './yaml.ts'

/** Highest priority first, as Spring ranks files of one folder and stem. */
export const EXTENSIONS = ['.properties', '.yml', '.yaml']

/** One file to read: under its own name, or with every extension that is known. */
export interface FileReference {
  readonly folder: string
  /** The name without an extension, or the whole name when a hint says how to read it. */
  readonly stem: string
  readonly extensions: readonly string[]
  /** What the file is read as, where its name does not tell. */
  readonly hint?: string | undefined
}

/** What a location that is a file means; undefined when nobody can tell how to read it. */
export function fileReference (path: string, hint: string | undefined): FileReference | undefined {
  const extension = hint ?? extname(path)
  if (!EXTENSIONS.includes(extension)) return undefined
  const folder = dirname(path)
  if (hint !== undefined) return { folder, stem: basename(path), extensions: [''], hint }
  return { folder, stem: basename(path, extension), extensions: [extension] }
}

/** The files of a reference, lowest priority first, each with the extension it is read by. */
export function filesOf ({ folder, stem, extensions, hint }: FileReference, suffix: string) {
  return extensions.toReversed().map(extension =>
    ({ file: join(folder, stem + suffix + extension), extension: hint ?? extension }))
}

/** The documents of a text. */
export function parseDocuments (bytes: Buffer, extension: string, name: string): ConfigDocument[] {
  if (bytes.length > PARSE_LIMITS.chars) {
    throw settingsError('E_CONFIG_LIMIT', [`${PARSE_LIMITS.chars} bytes`], { where: name })
  }
  return extension === '.properties'
    ? parseProperties(bytes.toString('latin1'), name)
    : parseYaml(decodeYaml(bytes, name), name)
}

/** Undefined when there is no such file. */
export async function readBytes (file: string): Promise<Buffer | undefined> {
  try {
    const { size } = await stat(file)
    if (size > PARSE_LIMITS.chars) throw settingsError('E_CONFIG_LIMIT', [`${PARSE_LIMITS.chars} bytes`], { where: file })
    return await readFile(file)
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    if (code?.startsWith('E_')) throw cause
    throw settingsError('E_CONFIG_READ', [code], { where: file, cause })
  }
}
