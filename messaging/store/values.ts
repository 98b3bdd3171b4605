/**
 * What a relational store takes as a parameter: whole numbers to 2^53 - 1, well-formed text without U+0000, null. The
 * engines differ in what they make of anything else (sqlite keeps NaN as NULL and binds `true` as 1, PostgreSQL rounds
 * or refuses, both turn half a surrogate pair into U+FFFD), so it is refused here, before either has seen it.
 */
import { messagingError } from '../errors.ts'
import type { SqlValue } from './store.ts'

/** Throws E_STORE_VALUE, with the parameter's number and without its value, which may be nobody's business. */
export function checkValues (sql: string, params: readonly SqlValue[]): void {
  for (let index = 0; index < params.length; index++) {
    const wrong = whatIsWrong(params[index])
    if (wrong !== undefined) throw valueError(`parameter ${index + 1} is ${wrong}`, sql)
  }
}

/** E_STORE_VALUE, for what is found out by an engine, too. */
export function valueError (what: string, sql: string, cause?: unknown): Error {
  const head = sql.replace(/\s+/g, ' ').trim().slice(0, 80)
  return messagingError('E_STORE_VALUE', [what], { where: `"${head}"`, cause })
}

function whatIsWrong (value: unknown): string | undefined {
  if (typeof value === 'string') return wrongText(value)
  if (typeof value === 'number') return wrongNumber(value)
  if (value === null) return undefined
  return value instanceof Date ? 'a Date' : `of type ${Array.isArray(value) ? 'array' : typeof value}`
}

function wrongText (text: string): string | undefined {
  if (text.includes('\0')) return 'text with U+0000'
  return text.isWellFormed() ? undefined : 'text with half a surrogate pair'
}

function wrongNumber (value: number): string | undefined {
  if (Number.isSafeInteger(value)) return undefined
  if (Number.isInteger(value)) return 'a number beyond 2^53 - 1'
  return Number.isFinite(value) ? 'a fraction' : 'not a finite number'
}
