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
  const fault = unlikeJson(value, 0)
  if (fault !== undefined) {
    throw messagingError('E_STORE_VALUE', [`the value of ${quote(key)} cannot be kept: it${fault.at} ${fault.why}`])
  }
  return value
}

/** `at` begins with a dot, or is empty. */
interface Fault { readonly at: string, readonly why: string }

/** Where and why JSON would make something else of a value; the way there is written down only if there is a fault. */
function unlikeJson (value: unknown, depth: number): Fault | undefined {
  if (typeof value === 'object' && value !== null) return unlikeObject(value, depth)
  const why = unlikeScalar(value)
  return why === undefined ? undefined : { at: '', why }
}

function unlikeObject (value: object, depth: number): Fault | undefined {
  if (depth === MAX_DEPTH) return { at: '', why: `is more than ${MAX_DEPTH} levels deep` }
  if (!Array.isArray(value) && !isPlain(value)) return { at: '', why: `is a ${value.constructor?.name ?? 'class instance'}` }
  const names = Object.keys(value)
  if (isPartlyHidden(value, names.length)) return { at: '', why: 'has holes, or members that JSON does not see' }
  for (const name of names) {
    const fault = unlikeJson((value as Record<string, unknown>)[name], depth + 1)
    if (fault !== undefined) return { at: `.${name}${fault.at}`, why: fault.why }
  }
  return undefined
}

function unlikeScalar (value: unknown): string | undefined {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return undefined
  if (typeof value === 'number') return unlikeNumber(value)
  return value === undefined ? 'is undefined' : `is a ${typeof value}`
}

/** Whether there is more to it than JSON sees, or less: symbols, holes, a list's own names. */
function isPartlyHidden (value: object, members: number): boolean {
  const own = Reflect.ownKeys(value).length
  return Array.isArray(value) ? members !== value.length || own !== members + 1 : own !== members
}

function unlikeNumber (value: number): string | undefined {
  if (!Number.isFinite(value) || Object.is(value, -0)) return `is ${Object.is(value, -0) ? '-0' : value}`
  // RFC 8259, 6: whole numbers interoperate up to here.
  return Number.isInteger(value) && !Number.isSafeInteger(value) ? `is ${value}, beyond 2^53 - 1` : undefined
}

function isPlain (value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

function quote (key: string): string {
  return JSON.stringify(key.length > 80 ? `${key.slice(0, 80)}...` : key)
}
