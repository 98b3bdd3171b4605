/**
 * `{name}` in filter arguments, filled from the match's variables.
 *
 * Values come from the client, decoded: for a path they are encoded again, for a header whatever a header may not
 * carry is percent-encoded (a decoded CR LF would otherwise start a header of the client's choice).
 */
import type { Exchange } from '../exchange.ts'

export type Template = (x: Exchange) => string

/** For header and parameter values. */
export function headerTemplate (text: string): Template {
  return template(text, safeHeaderValue)
}

/**
 * For paths: slashes of `{*rest}` stay, all else that a segment may not carry is encoded. `/f/{rest}` does not double
 * the slash that `{*rest}` begins with.
 */
export function pathTemplate (text: string): Template {
  const filled = template(text, encodePath)
  return text.includes('/{') ? x => filled(x).replaceAll(/\/{2,}/g, '/') : filled
}

/** The names used in it. */
export function templateNames (text: string): string[] {
  return [...text.matchAll(VARIABLE)].map(match => match[1] ?? '')
}

const VARIABLE = /\{\*?([A-Za-z_][\w.-]*)\}/g

function template (text: string, encode: (value: string) => string): Template {
  const names = templateNames(text)
  if (names.length === 0) return () => text
  const literals = text.split(/\{\*?[A-Za-z_][\w.-]*\}/)
  return x => {
    let out = literals[0] ?? ''
    for (let i = 0; i < names.length; i++) out += encode(x.variables?.[names[i] ?? ''] ?? '') + (literals[i + 1] ?? '')
    return out
  }
}

function safeHeaderValue (value: string): string {
  return /^[\x20-\x7e]*$/.test(value) ? value : encodeURI(value.toWellFormed())
}

function encodePath (value: string): string {
  return /^[\w.~/-]*$/.test(value)
    ? value
    : encodeURIComponent(value.toWellFormed()).replaceAll('%2F', '/').replaceAll('%40', '@').replaceAll('%3A', ':')
}
