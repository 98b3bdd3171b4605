/**
 * From a folder to its stack: find `breakwater.yml` (or the key `breakwater` of package.json) -> parse -> check its
 * shape -> fill in defaults -> check that its names and files exist.
 */
import { existsSync, readFileSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { error } from '../errors.ts'
import { checkShape } from './check.ts'
import { checkNames } from './names.ts'
import { platformOf, type RawPlatform } from './platform.ts'
import { readPositioned, type Positioned } from './positions.ts'
import { servicesOf, type RawService } from './services.ts'
import { FILE_NAMES, type StackFile } from './stack-file.ts'

interface Raw {
  readonly name?: string
  readonly profile?: string
  readonly platform?: RawPlatform
  readonly services?: Readonly<Record<string, RawService>>
  readonly groups?: Readonly<Record<string, readonly string[]>>
  readonly examples?: readonly string[]
}

/** Reads the file that is named, or the folder's own. Throws E_STACK_FILE, E_NO_STACK. */
export function readStackFile (folder: string, named?: string): StackFile {
  const { file, positioned } = named === undefined ? find(folder) : read(resolve(folder, named))
  checkShape(positioned)
  const raw = (positioned.value ?? {}) as Raw
  const root = dirname(file)
  const stack: StackFile = {
    file,
    name: raw.name ?? basename(root),
    profile: raw.profile,
    platform: platformOf(raw.platform, root),
    services: servicesOf(raw.services ?? {}, root),
    groups: new Map(Object.entries(raw.groups ?? {})),
    examples: raw.examples ?? []
  }
  checkNames(stack, positioned)
  return stack
}

interface Found { readonly file: string, readonly positioned: Positioned }

function find (folder: string): Found {
  const file = FILE_NAMES.map(name => join(folder, name)).find(path => existsSync(path))
  if (file !== undefined) return read(file)
  const manifest = join(folder, 'package.json')
  if (existsSync(manifest)) {
    const found = read(manifest)
    const { breakwater } = (found.positioned.value ?? {}) as { breakwater?: unknown }
    if (breakwater !== undefined) {
      return { file: manifest, positioned: {
        value: breakwater, where: path => found.positioned.where(['breakwater', ...path])
      } }
    }
  }
  throw error('E_NO_STACK', [], { where: folder })
}

function read (file: string): Found {
  try {
    return { file, positioned: readPositioned(readFileSync(file, 'utf8'), file) }
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).syscall === undefined) throw cause
    throw error('E_STACK_FILE', [`it cannot be read (${(cause as NodeJS.ErrnoException).code}).`], { where: file, cause })
  }
}
