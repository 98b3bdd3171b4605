/** JSON of a store as flat properties, in the way YAML is flattened; numbers keep their text. */
import type { Property, Scalar } from '@breakwater/starter/settings'

/** A number as it was written. */
class NumberText {
  readonly text: string

  constructor (text: string) {
    this.text = text
  }
}

/** JSON.parse with numbers left as text: twenty digits must stay twenty digits. */
export function parseJson (text: string): unknown {
  return JSON.parse(text, (_key, value: unknown, context?: { source?: string }) =>
    typeof value === 'number' ? new NumberText(context?.source ?? String(value)) : value)
}

/** A number that parseJson read; 0 for anything else. */
export function numberOf (value: unknown): number {
  return value instanceof NumberText ? Number(value.text) : 0
}

/** Flat properties of what `parseJson` gave; `[]` and null are empty text, `{}` vanishes, as in Spring. */
export function flattenJson (json: unknown, source: string): Map<string, Property> {
  const properties = new Map<string, Property>()
  add(properties, '', json, source)
  return properties
}

function add (into: Map<string, Property>, path: string, value: unknown, source: string): void {
  if (Array.isArray(value) && value.length > 0) {
    for (const [index, item] of value.entries()) add(into, `${path}[${index}]`, item, source)
  } else if (isObject(value)) {
    for (const [key, item] of Object.entries(value)) add(into, path === '' ? key : `${path}.${key}`, item, source)
  } else into.set(path, { value: scalarOf(value), origin: { source } })
}

function isObject (value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof NumberText)
}

function scalarOf (value: unknown): Scalar {
  if (value instanceof NumberText) return { kind: 'number', text: value.text }
  if (typeof value === 'boolean') return { kind: 'boolean', text: value ? 'true' : 'false' }
  return { kind: 'string', text: typeof value === 'string' ? value : '' }
}
