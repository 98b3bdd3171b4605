/**
 * What a client asks for: names, profiles and labels, checked. Everything that later becomes part of a path or of a
 * git revision has passed here; a value that could leave its place (CVE-2026-22739) never gets further.
 */
import { error } from '../errors.ts'

/** One question for an environment. `name`, `profile` and `label` are as asked and are echoed in the answer. */
export interface Ask {
  readonly name: string
  readonly names: readonly string[]
  readonly profile: string
  readonly profiles: readonly string[]
  readonly label: string | null
  /** Empty when the client named none: the back end then takes its default. */
  readonly labels: readonly string[]
}

const MAX_LENGTH = 1024
const MAX_ITEMS = 64
const PROFILE = /^[\p{L}\p{N}](?:[\p{L}\p{N}\-_.+@]*[\p{L}\p{N}])?$/u

/** Checks and splits the three parts of a question; throws E_ASK_NAME, E_ASK_PROFILE or E_ASK_LABEL (400). */
export function readAsk (name: string, profile: string, label: string | null, validateProfiles = true): Ask {
  const plainName = withSlashes(name, 'E_ASK_NAME')
  const plainLabel = label === null ? null : withSlashes(label, 'E_ASK_LABEL')
  return {
    name: plainName,
    names: items(plainName.split(',').map(item => item.trim()), plainName, 'E_ASK_NAME'),
    profile,
    profiles: readProfiles(profile, validateProfiles),
    label: plainLabel,
    labels: plainLabel === null ? [] : items(plainLabel.split(','), plainLabel, 'E_ASK_LABEL')
  }
}

/** True when a value could name something outside its folder, now or after one more decoding. */
export function isUnsafe (value: string): boolean {
  if (value.length > MAX_LENGTH || looksUnsafe(value)) return true
  if (!value.includes('%')) return false
  try {
    return looksUnsafe(decodeURIComponent(value))
  } catch {
    return true
  }
}

/** One profile as the server accepts it; also asked for the profiles that a served file includes. */
export function isProfile (profile: string): boolean {
  return PROFILE.test(profile) && !isUnsafe(profile)
}

// Spring tests for `..`, `#` and a leading `(_)`; control characters and backslashes have no use here at all.
function looksUnsafe (value: string): boolean {
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  return value.includes('..') || value.startsWith('(_)') || /^\/|[#\\\u0000-\u001f\u007f]|\/\//.test(value)
}

function withSlashes (value: string, code: 'E_ASK_NAME' | 'E_ASK_LABEL'): string {
  const plain = value.replaceAll('(_)', '/')
  if (value === '' || isUnsafe(value) || isUnsafe(plain)) throw error(code, [JSON.stringify(value.slice(0, 80))])
  return plain
}

// Blanks around a name do not count; those of a label are part of it, as in Spring.
function items (parts: readonly string[], value: string, code: 'E_ASK_NAME' | 'E_ASK_LABEL'): string[] {
  const list = parts.filter(item => item !== '')
  if (list.length === 0 || list.length > MAX_ITEMS) throw error(code, [JSON.stringify(value.slice(0, 80))])
  if (list.some(isUnsafe)) throw error(code, [JSON.stringify(value.slice(0, 80))])
  return [...new Set(list)]
}

function readProfiles (profile: string, validate: boolean): string[] {
  const list = profile.split(',')
  const bad = list.length > MAX_ITEMS
    ? profile.slice(0, 80)
    : list.find(item => validate ? !isProfile(item) : item === '' || isUnsafe(item))
  if (bad !== undefined) throw error('E_ASK_PROFILE', [JSON.stringify(bad.slice(0, 80))])
  return [...new Set(list)]
}
