import { isAbsolute, join } from 'node:path'
import { settingsError } from './errors.ts'

/** One place of `spring.config.import` or `spring.config.additional-location`, taken apart. */
export interface ConfigLocation {
  /** `other` is something that nothing here reads; only an optional one gets so far. */
  readonly kind: 'folder' | 'file' | 'configtree' | 'configserver' | 'consul' | 'env' | 'other'
  readonly optional: boolean
  /** Absolute path, or what stood after `configserver:`, `consul:` or `env:`. */
  readonly path: string
  /** What a file or variable is read as, whatever its name: `.yml` of `conf[.yml]`. */
  readonly hint?: string | undefined
  /** As written, for messages. */
  readonly text: string
  /** File and line it was written at. */
  readonly where: string
}

/** Where the file of the command line was written; there is no "optional:" to advise for it. */
export const CONFIG_FLAG = '--config'

/** What relative locations are relative to. */
export interface LocationBase {
  /** For `file:` and `classpath:`: the service's folder. */
  readonly folder: string
  /** For locations without a prefix: the folder of the file that imports. */
  readonly parent: string
  readonly where: string
}

/**
 * Reads `optional:file:./extra.yml`, `configtree:/etc/config/`, `env:EXTRA[.yml]`, `optional:configserver:http://...`.
 * A location that ends in a slash is a folder; everything else is a file.
 */
export function parseLocation (text: string, base: LocationBase): ConfigLocation {
  const optional = text.startsWith('optional:')
  const rest = optional ? text.slice('optional:'.length) : text
  const [, scheme, body = ''] = /^([a-zA-Z][a-zA-Z0-9]+):(.*)$/s.exec(rest) ?? [undefined, undefined, rest]
  const common = { optional, text, where: base.where }
  switch (scheme) {
    case undefined: return { ...common, ...onDisk(body, base.parent) }
    case 'file': case 'classpath': return { ...common, ...onDisk(localPath(body), base.folder) }
    case 'configtree': return { ...common, kind: 'configtree', path: treePath(common, absolute(body, base.folder)) }
    case 'configserver': case 'consul': return { ...common, kind: scheme, path: body }
    case 'env': return { ...common, kind: 'env', ...hinted(body) }
    default:
      if (optional) return { ...common, kind: 'other', path: body }
      throw settingsError('E_CONFIG_LOCATION', [text, `nothing here reads "${scheme}:"`], { where: base.where })
  }
}

/** `a.yml;b.yml` is a group: its profile files win over all that is plain in it. Addresses may hold a `;`. */
export function parseGroup (text: string, base: LocationBase): ConfigLocation[] {
  const isRemote = /^(?:optional:)?(?:configserver|consul):/.test(text)
  const parts = isRemote ? [text] : text.split(';').map(part => part.trim()).filter(part => part !== '')
  return parts.map(part => parseLocation(part, base))
}

/**
 * The groups of a comma list. A comma that no location begins after belongs to the one before it: a config server's
 * location may list several addresses.
 */
export function parseLocations (text: string, base: LocationBase): ConfigLocation[][] {
  const parts: string[] = []
  for (const part of text.split(',').map(item => item.trim()).filter(item => item !== '')) {
    const isAddress = /^https?:/.test(part) && /^(?:optional:)?configserver:/.test(parts.at(-1) ?? '')
    if (isAddress) parts.push(`${parts.pop()},${part}`)
    else parts.push(part)
  }
  return parts.map(part => parseGroup(part, base))
}

function onDisk (path: string, folder: string): Pick<ConfigLocation, 'kind' | 'path' | 'hint'> {
  if (path.endsWith('/')) return { kind: 'folder', path: absolute(path, folder) }
  const file = hinted(path)
  return { kind: 'file', path: absolute(file.path, folder), hint: file.hint }
}

function hinted (text: string): { path: string, hint: string | undefined } {
  const [, path = text, hint] = /^(.*)\[(\.\w+)\]$/s.exec(text) ?? []
  return { path, hint }
}

function treePath ({ text, where }: Pick<ConfigLocation, 'text' | 'where'>, path: string): string {
  if (path.endsWith('/')) return path
  throw settingsError('E_CONFIG_LOCATION', [text, 'the folder of a config tree ends in "/"'], { where })
}

/** `file:///etc/x` and `file:/etc/x` are the same file; `classpath:/x` is x in the service's folder. */
function localPath (path: string): string {
  return path.startsWith('//') ? path.slice(2) : path
}

const absolute = (path: string, folder: string): string => isAbsolute(path) ? path : join(folder, path)
