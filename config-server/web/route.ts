/**
 * From the raw request path to what is asked. The raw path, because a decoded `%2F` must stay inside its part; each
 * part is decoded exactly once. The first row that fits wins, as in Spring's table of mappings.
 */
import { error } from '../errors.ts'

export type Format = 'yml' | 'yaml' | 'properties' | 'json'

/** What a request is for. Values are decoded but not yet checked; `readAsk` does that. */
export type Route =
  | { readonly kind: 'environment', readonly name: string, readonly profiles: string, readonly label: string | null }
  | {
    readonly kind: 'flat'
    readonly name: string
    readonly profiles: string
    readonly label: string | null
    readonly format: Format
    readonly resolvePlaceholders: boolean
  }
  | {
    readonly kind: 'file'
    readonly name: string
    readonly profiles: string
    readonly resolvePlaceholders: boolean
    /** What to look for, in this order: a path under a label; the default label is null. */
    readonly tries: readonly { readonly label: string | null, readonly path: string }[]
  }

const FLAT = /^(.+)-([^-]+)\.(yml|yaml|properties|json)$/s
const FILE_LIKE = /\b\.(?:ya?ml|properties|json)\b/

/** Reads a raw URL below `prefix`; throws E_CONFIG_NOT_FOUND (404) or E_ASK_URL (400). */
export function readRoute (url: string, prefix: string): Route {
  const mark = url.indexOf('?')
  const path = mark < 0 ? url : url.slice(0, mark)
  if (!path.startsWith(`${prefix}/`)) throw error('E_CONFIG_NOT_FOUND')
  const parts = path.slice(prefix.length + 1).split('/').map(decodePart)
  return routeOf(parts, mark < 0 ? '' : url.slice(mark + 1))
}

function routeOf (parts: readonly string[], query: string): Route {
  const [first = '', second, third, ...rest] = parts
  if (first === '' || second === '') throw error('E_CONFIG_NOT_FOUND')
  if (second === undefined) return flat(first, null, query) ?? notFound()
  if (third === undefined) {
    const labelled = flat(second, first, query)
    if (labelled !== undefined) return labelled
    refuseSlashes(first, second)
    return FILE_LIKE.test(second) ? notFound() : { kind: 'environment', name: first, profiles: second, label: null }
  }
  refuseSlashes(first, second, ...rest)
  const useDefaultLabel = new URLSearchParams(query).has('useDefaultLabel')
  if (rest.length === 0 && !useDefaultLabel) {
    return third === '' ? notFound() : { kind: 'environment', name: first, profiles: second, label: third }
  }
  const tries = fileTries(third, rest, useDefaultLabel)
  return { kind: 'file', name: first, profiles: second, resolvePlaceholders: resolves(query), tries }
}

// The Go client asks for nested files of the default label: for it the label reading comes second.
function fileTries (third: string, rest: readonly string[], useDefaultLabel: boolean) {
  const nested = { label: null, path: [third, ...rest].join('/') }
  const labelled = { label: third, path: rest.join('/') }
  if (!useDefaultLabel) return [labelled]
  return rest.length === 0 ? [nested] : [nested, labelled]
}

// The last hyphen parts name and profiles, so these forms cannot take a profile with a hyphen.
function flat (part: string, label: string | null, query: string): Route | undefined {
  const match = FLAT.exec(part)
  if (match === null) return undefined
  refuseSlashes(part)
  const [, name = '', profiles = '', format] = match
  return { kind: 'flat', name, profiles, label, format: format as Format, resolvePlaceholders: resolves(query) }
}

// Spring's words for a boolean, in any case; what is none of them is refused, as it cannot be known what was meant.
function resolves (query: string): boolean {
  const word = new URLSearchParams(query).get('resolvePlaceholders')?.trim().toLowerCase() ?? ''
  if (['', 'true', 'on', 'yes', '1'].includes(word)) return true
  if (['false', 'off', 'no', '0'].includes(word)) return false
  throw error('E_ASK_SWITCH', ['resolvePlaceholders'])
}

// Clients write the label `feature/x` with `%2F`. In any other part (Tomcat refuses them in all) a slash that was
// hidden from a proxy in front must not count.
function refuseSlashes (...parts: readonly string[]): void {
  if (parts.some(part => part.includes('/'))) throw error('E_ASK_URL')
}

function notFound (): never {
  throw error('E_CONFIG_NOT_FOUND')
}

function decodePart (part: string): string {
  if (!part.includes('%')) return part
  try {
    return decodeURIComponent(part)
  } catch {
    throw error('E_ASK_URL')
  }
}
