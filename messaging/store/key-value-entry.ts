/**
 * What may be kept as an entry of a service's state: the same on every engine, and refused in the command that is at
 * fault, before it is part of anything. An entry is read back as exactly what was put, or it was not taken.
 */
import { messagingError } from '../errors.ts'

/** DynamoDB's limit for a key in a range, and well below lmdb's. */
export const MAX_KEY_BYTES = 1024
const MAX_DEPTH = 200

/** Returns the key, or throws E_STORE_KEY. Half of a surrogate pair has no UTF-8, and would become another key. */
export function checkKey (key: string): string {
  if (!key.isWellFormed()) throw messagingError('E_STORE_KEY', [quote(key), 'it has half of a surrogate pair'])
  const bytes = Buffer.byteLength(key)
  if (bytes > MAX_KEY_BYTES) {
    throw messagingError('E_STORE_KEY', [quote(key), `it has ${bytes} bytes, ${MAX_KEY_BYTES} are possible`])
  }
  return key
}

/** Returns the value, or throws E_STORE_VALUE when it would come back as another one. */
export function checkValue (key: string, value: unknown): unknown {
  const fault = unlikeJson(value, 'it', 0)
  if (fault !== undefined) {
    throw messagingError('E_STORE_VALUE', [`the value of ${quote(key)} cannot be kept: ${fault}`])
  }
  return value
}

/** Where and why JSON would make something else of a value, or undefined. */
function unlikeJson (value: unknown, at: string, depth: number): string | undefined {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return undefined
  if (typeof value === 'number') return unlikeNumber(value, at)
  if (typeof value !== 'object') return `${at} is ${value === undefined ? 'undefined' : `a ${typeof value}`}`
  if (depth === MAX_DEPTH) return `${at} is more than ${MAX_DEPTH} levels deep`
  if (!Array.isArray(value) && !isPlain(value)) return `${at} is a ${value.constructor?.name ?? 'class instance'}`
  const members = Object.entries(value)
  if (isPartlyHidden(value, members.length)) return `${at} has holes, or members that JSON does not see`
  for (const [name, member] of members) {
    const fault = unlikeJson(member, `${at}.${name}`, depth + 1)
    if (fault !== undefined) return fault
  }
  return undefined
}

/** Whether there is more to it than JSON sees, or less: symbols, holes, a list's own names. */
function isPartlyHidden (value: object, members: number): boolean {
  const own = Reflect.ownKeys(value).length
  return Array.isArray(value) ? members !== value.length || own !== members + 1 : own !== members
}

function unlikeNumber (value: number, at: string): string | undefined {
  if (!Number.isFinite(value) || Object.is(value, -0)) return `${at} is ${Object.is(value, -0) ? '-0' : value}`
  // RFC 8259, 6: whole numbers interoperate up to here.
  return Number.isInteger(value) && !Number.isSafeInteger(value) ? `${at} is ${value}, beyond 2^53 - 1` : undefined
}

function isPlain (value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

function quote (key: string): string {
  return JSON.stringify(key.length > 80 ? `${key.slice(0, 80)}...` : key)
}
