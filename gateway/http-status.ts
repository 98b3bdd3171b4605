/** Spring's HttpStatus enum names, which its YAML accepts wherever a status is asked for. */
import { STATUS_CODES } from 'node:http'

/** `404`, `NOT_FOUND`, `not-found`; undefined when it is none (a code need not be a known one). */
export function parseStatus (text: string): number | undefined {
  const word = text.trim()
  if (/^\d{3}$/.test(word)) return Number(word)
  return CODES_BY_NAME.get(word.toUpperCase().replaceAll('-', '_'))
}

/** `NOT_FOUND` for 404; the code itself when it has no name. */
export function statusName (code: number): string {
  return NAMES_BY_CODE.get(code) ?? String(code)
}

const SPRING_NAMES: ReadonlyMap<number, string> = new Map([
  [103, 'EARLY_HINTS'], [302, 'FOUND'], [413, 'PAYLOAD_TOO_LARGE'], [418, 'I_AM_A_TEAPOT'], [425, 'TOO_EARLY'],
  [203, 'NON_AUTHORITATIVE_INFORMATION'], [505, 'HTTP_VERSION_NOT_SUPPORTED'], [510, 'NOT_EXTENDED']
])

const NAMES_BY_CODE: ReadonlyMap<number, string> = new Map(Object.entries(STATUS_CODES).map(([code, text]) =>
  [Number(code), SPRING_NAMES.get(Number(code)) ?? enumName(text ?? '')]))

const CODES_BY_NAME: ReadonlyMap<string, number> = new Map([
  ...[...NAMES_BY_CODE].map(([code, name]) => [name, code] as const),
  ['CONTENT_TOO_LARGE', 413], ['MOVED_TEMPORARILY', 302], ['UNPROCESSABLE_CONTENT', 422]
])

function enumName (text: string): string {
  return text.toUpperCase().replaceAll("'", '').replaceAll(/[^A-Z]+/g, '_')
}
