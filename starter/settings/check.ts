import { settingsError } from './errors.ts'
import { nearestKey } from './nearest-key.ts'
import { canonicalName, splitName } from './relaxed.ts'
import type { NamePart } from './relaxed.ts'
import type { Settings } from './settings.ts'
import { formatOrigin } from './types.ts'
import type { Property } from './types.ts'
import { ENVIRONMENT } from './variables.ts'

/** Which keys exist. */
export interface KeyRules {
  /** Sections that are ours alone, such as `breakwater.gateway`: a key below that is not known is an error. */
  readonly owned: readonly string[]
  /** Spring's sections of which we have some keys only: another key below gives one warning. @default none */
  readonly shared?: readonly string[]
  /** Patterns of Spring's keys that change nothing here, each with the reason or with what does it instead. */
  readonly idle?: Readonly<Record<string, string>>
  /** `a.b`, `a.list[*].name`, `a.map.*` for any one part, `a.rest.**` for anything below. */
  readonly known: readonly string[]
}

/**
 * Finds misspelled settings. Throws `E_CONFIG_KEY` with all unknown keys of our own sections, each with its file,
 * line and the nearest key there is; returns warnings for those of Spring's sections. The environment is not looked
 * at: Kubernetes and shells put variables of any name into it.
 */
export function checkKeys (settings: Settings, rules: KeyRules): string[] {
  const known = rules.known.map(pattern => splitName(pattern))
  const unknown = writtenKeys(settings).filter(({ parts }) => !known.some(pattern => matches(pattern, parts)))
  const below = (prefixes: readonly string[]) =>
    unknown.filter(({ key }) => prefixes.some(prefix => isBelow(key, prefix)))
  const faults = below(rules.owned)
  if (faults.length > 0) throw settingsError('E_CONFIG_KEY', [faults.map(fault => describe(fault, known)).join('\n')])
  const { shared = [], idle = {} } = rules
  return [...strangeKeys(below(shared), known, idle), ...idleKeys(unknown, idle)]
}

/** A sentence for each key that has a reason, once, however many sources have it. */
function idleKeys (unknown: readonly WrittenKey[], idle: Readonly<Record<string, string>>): string[] {
  const rules = Object.entries(idle).map(([pattern, reason]) => ({ pattern: splitName(pattern), reason }))
  const told = new Map<string, string>()
  for (const { key, parts, property } of unknown) {
    const rule = rules.find(({ pattern }) => matches(pattern, parts))
    const name = canonicalName(key)
    if (rule === undefined || told.has(name)) continue
    told.set(name, `${key} (${formatOrigin(property.origin)}) has no effect: ${rule.reason}`)
  }
  return [...told.values()]
}

/** One sentence for all the others: they may be Spring's newest, or slips. */
function strangeKeys (
  unknown: readonly WrittenKey[], known: readonly Pattern[], idle: Readonly<Record<string, string>>
): string[] {
  const reasons = Object.keys(idle).map(pattern => splitName(pattern))
  const strange = unknown.filter(({ parts }) => !reasons.some(pattern => matches(pattern, parts)))
  if (strange.length === 0) return []
  const list = strange.map(({ key, parts, property }) => {
    const near = nearestKey(key, known.map(pattern => fillIn(pattern, parts)))
    return `${key} (${formatOrigin(property.origin)}${near === undefined ? '' : `; did you mean "${near.key}"?`})`
  })
  return [`Spring's settings that have no effect here: ${list.join(', ')}`]
}

type Pattern = readonly NamePart[]

interface WrittenKey {
  readonly key: string
  readonly parts: readonly NamePart[]
  readonly property: Property
}

function writtenKeys (settings: Settings): WrittenKey[] {
  const sources = settings.sources.filter(source => source.name !== ENVIRONMENT)
  return sources.flatMap(source => [...source.properties].map(([key, property]) =>
    ({ key, parts: splitName(key), property })))
}

function isBelow (key: string, prefix: string): boolean {
  const name = canonicalName(key)
  const start = canonicalName(prefix)
  return name.startsWith(`${start}.`) || name.startsWith(`${start}[`)
}

/** A list may also be one comma text, so `a.list` matches `a.list[*]`. */
function matches (pattern: Pattern, parts: readonly NamePart[]): boolean {
  for (const [index, wanted] of pattern.entries()) {
    if (wanted.text === '**') return true
    const part = parts[index]
    if (part === undefined) return wanted.bracket && index === pattern.length - 1
    if (wanted.text !== '*' && canonicalName(wanted.text) !== canonicalName(part.text)) return false
  }
  return parts.length === pattern.length
}

function describe ({ key, parts, property }: WrittenKey, known: readonly Pattern[]): string {
  const near = nearestKey(key, known.map(pattern => fillIn(pattern, parts)))
  const hint = near === undefined ? 'See docs/ for the settings there are.' : `Did you mean "${near.key}"?`
  return `${formatOrigin(property.origin)}: "${key}" is no setting. ${hint}`
}

/** The key a pattern stands for, with the wildcards taken from the key that was written, as far as that goes. */
function fillIn (pattern: Pattern, parts: readonly NamePart[]): string {
  return pattern.map(({ text, bracket }, index) => {
    const filled = text === '*' || text === '**' ? parts[index]?.text : text
    if (filled === undefined) return ''
    return bracket ? `[${filled}]` : (index === 0 ? '' : '.') + filled
  }).join('')
}
