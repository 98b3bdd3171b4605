import { isAbsolute, join } from 'node:path'
import { settingsError } from './errors.ts'

/** One place of `spring.config.import` or `spring.config.additional-location`, taken apart. */
export interface ConfigLocation {
  readonly kind: 'folder' | 'file' | 'configtree' | 'configserver' | 'consul'
  readonly optional: boolean
  /** Absolute path, or what stood after `configserver:` or `consul:`. */
  readonly path: string
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
 * Reads `optional:file:./extra.yml`, `configtree:/etc/config/`, `optional:configserver:http://...`.
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
    case 'configtree': return { ...common, kind: 'configtree', path: absolute(body, base.folder) }
    case 'configserver': case 'consul': return { ...common, kind: scheme, path: body }
    default: throw settingsError('E_CONFIG_LOCATION', [text, `nothing here reads "${scheme}:"`], { where: base.where })
  }
}

function onDisk (path: string, folder: string): { kind: 'folder' | 'file', path: string } {
  return { kind: path.endsWith('/') ? 'folder' : 'file', path: absolute(path, folder) }
}

/** `file:///etc/x` and `file:/etc/x` are the same file; `classpath:/x` is x in the service's folder. */
function localPath (path: string): string {
  return path.startsWith('//') ? path.slice(2) : path
}

const absolute = (path: string, folder: string): string => isAbsolute(path) ? path : join(folder, path)
