import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { settingsError } from './errors.ts'
import { PARSE_LIMITS } from './types.ts'
import type { Property, PropertySource } from './types.ts'

/** Kubernetes keeps the real files in folders whose names begin so; what is seen are links into them. */
const HIDDEN = '..'
const MAX_DEPTH = 10
const MAX_FILES = 10_000

/**
 * A folder as a source: each file is a property, its path the key (`db/password` is `db.password`), its text the
 * value, literally: `ab${c}` may well be a password. This is how Kubernetes mounts ConfigMaps and Secrets. A newline at
 * the end of a text that has no other is no part of the value.
 */
export async function readConfigTree (folder: string): Promise<PropertySource | undefined> {
  const properties = new Map<string, Property>()
  if (!await isFolder(folder)) return undefined
  await walk(folder, '', properties, 0)
  return { name: `configtree ${folder}`, properties }
}

async function isFolder (path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false
}

async function walk (folder: string, prefix: string, into: Map<string, Property>, depth: number): Promise<void> {
  if (depth > MAX_DEPTH) throw settingsError('E_CONFIG_LIMIT', [`${MAX_DEPTH} folders deep`], { where: folder })
  for (const name of (await readdir(folder)).toSorted()) {
    if (name.startsWith(HIDDEN)) continue
    const path = join(folder, name)
    const info = await stat(path).catch(() => undefined)
    if (info?.isDirectory()) await walk(path, `${prefix}${name}.`, into, depth + 1)
    else if (info?.isFile()) await addFile(path, prefix + name, info.size, into)
  }
}

async function addFile (path: string, key: string, size: number, into: Map<string, Property>): Promise<void> {
  if (size > PARSE_LIMITS.chars) throw settingsError('E_CONFIG_LIMIT', [`${PARSE_LIMITS.chars} bytes`], { where: path })
  if (into.size >= MAX_FILES) throw settingsError('E_CONFIG_LIMIT', [`${MAX_FILES} files`], { where: path })
  const text = (await readFile(path, 'utf8')).replace(/^([^\n]*?)\r?\n$/, '$1')
  into.set(key, { value: { kind: 'string', text }, origin: { source: path }, literal: true })
}

/** Folders matched by a location such as `/etc/config/*` + `/`: the folders below, sorted by name. */
export async function expandFolders (location: string): Promise<string[]> {
  const match = /^(.*)\/\*\/?$/.exec(location)
  if (match === null) return [location]
  const parent = match[1] as string
  const names = await readdir(parent).catch(() => [])
  const folders = names.filter(name => !name.startsWith(HIDDEN)).toSorted().map(name => join(parent, name))
  const found = await Promise.all(folders.map(isFolder))
  return folders.filter((_folder, index) => found[index])
}
