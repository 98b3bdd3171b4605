/**
 * Spring's shortcut form: `Name=a,b` (support/NameUtils, PredicateDefinition, FilterDefinition).
 *
 * Differs from Spring in one thing: a comma inside braces does not split, so `Path=/{id:\d{1,3}}` can be written
 * short. What Spring would make of it is never a valid pattern, so nothing that works there changes its meaning.
 */
import type { NamedArgs } from './route.ts'
import { error } from '../errors.ts'

/** Prefix of positional arguments; a factory renames them by its field order. */
export const GENERATED_KEY = '_genkey_'

/** `Path=/a,/b`: a predicate must have a `=`. */
export function parsePredicate (text: string, origin?: string): NamedArgs {
  const at = text.indexOf('=')
  if (at <= 0) {
    throw error('E_ROUTE_ARGUMENT', [`"${text}"`, 'a predicate is written Name=value'], { where: origin })
  }
  return named(text.slice(0, at), text.slice(at + 1), origin)
}

/** `StripPrefix=1` or a bare name. */
export function parseFilter (text: string, origin?: string): NamedArgs {
  const at = text.indexOf('=')
  return at <= 0 ? named(text, '', origin) : named(text.slice(0, at), text.slice(at + 1), origin)
}

/** Trimmed, empty ones dropped, as Spring's tokenizeToStringArray. */
export function splitCommas (text: string): string[] {
  const parts: string[] = []
  let depth = 0
  let start = 0
  for (let i = 0; i < text.length; i++) {
    const c = text[i]
    if (c === '{') depth++
    else if (c === '}') depth--
    else if (c === ',' && depth <= 0) {
      parts.push(text.slice(start, i))
      start = i + 1
    }
  }
  parts.push(text.slice(start))
  // Unbalanced braces: the comma meant what it means in Spring.
  const found = depth > 0 ? text.split(',') : parts
  return found.map(part => part.trim()).filter(part => part !== '')
}

function named (name: string, values: string, origin: string | undefined): NamedArgs {
  const args: Record<string, string> = Object.create(null)
  splitCommas(values).forEach((value, i) => { args[`${GENERATED_KEY}${i}`] = value })
  return { name: name.trim(), args, ...origin === undefined ? {} : { origin } }
}
