import type { Scalar } from './types.ts'

/**
 * Scalars of YAML 1.1 as SnakeYAML types them with timestamps disabled, which is what Spring Boot does. The npm
 * library's 1.1 schema differs (it reads `y` as a boolean, dates as dates, numbers as doubles), so the types are
 * decided here from the text.
 */

const BOOLEAN = /^(?:(yes|Yes|YES|true|True|TRUE|on|On|ON)|no|No|NO|false|False|FALSE|off|Off|OFF)$/
const NULL = /^(?:~|null|Null|NULL|)$/
const INT = new RegExp('^(?:[-+]?0b_*[01][01_]*|[-+]?0_*[0-7][0-7_]*|[-+]?(?:0|[1-9][0-9_]*)' +
  '|[-+]?0x_*[0-9a-fA-F][0-9a-fA-F_]*|[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+)$')
const FLOAT = new RegExp('^(?:[-+]?[0-9][0-9_]*\\.[0-9_]*(?:[eE][-+]?[0-9]+)?|[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+' +
  '|[-+]?\\.[0-9][0-9_]*(?:[eE][-+]?[0-9]+)?|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\\.[0-9_]*' +
  '|[-+]?\\.(?:inf|Inf|INF)|\\.(?:nan|NaN|NAN))$')
const CORE = 'tag:yaml.org,2002:'

/** What a scalar node says: its text, whether it was written plain, and its tag if it has one. */
export interface ScalarNode {
  readonly text: string
  readonly plain: boolean
  readonly tag: string | undefined
}

/** The scalar of a node, `null` for YAML's null, or a string telling why it cannot be one. */
export function resolveScalar (node: ScalarNode): Scalar | null | string {
  // A lone `!` says nothing to SnakeYAML: a plain scalar keeps the type of its text.
  if (node.tag !== undefined && node.tag !== '!') return tagged(node.tag, node.text)
  return node.plain ? plain(node.text) : string(node.text)
}

function plain (text: string): Scalar | null | string {
  if (text === '<<') return '"<<" merges a map; as a text it needs quotes'
  if (NULL.test(text)) return null
  if (BOOLEAN.test(text)) return boolean(text)
  if (INT.test(text)) return { kind: 'number', text: integer(text) }
  if (FLOAT.test(text)) return float(text)
  return string(text)
}

function tagged (tag: string, text: string): Scalar | null | string {
  switch (tag.startsWith(CORE) ? tag.slice(CORE.length) : tag) {
    case 'str': case 'timestamp': return string(text)
    case 'null': return null
    case 'bool': return BOOLEAN.test(text) ? boolean(text) : `"!!bool" cannot be read from "${short(text)}"`
    case 'int': return INT.test(text) ? { kind: 'number', text: integer(text) } : `"!!int" cannot be read from "${short(text)}"`
    case 'float': return FLOAT.test(text) || INT.test(text) ? float(text) : `"!!float" cannot be read from "${short(text)}"`
    case 'binary': return { kind: 'string', text: Buffer.from(text, 'base64').toString('base64'), binary: true }
    default: return `tag "${short(tag)}" is not known`
  }
}

const string = (text: string): Scalar => ({ kind: 'string', text })

// Values may be secrets: an error quotes no more than what tells which scalar is meant.
const short = (text: string): string => text.length > 20 ? `${text.slice(0, 20)}...` : text

function boolean (text: string): Scalar {
  return { kind: 'boolean', text: BOOLEAN.exec(text)?.[1] === undefined ? 'false' : 'true' }
}

/** Integers of any size as decimal text; Java turns to BigInteger where JavaScript's numbers would lose digits. */
function integer (text: string): string {
  const digits = text.replaceAll('_', '')
  const body = digits.replace(/^[-+]/, '')
  const value = magnitude(body)
  return String(digits.startsWith('-') ? -value : value)
}

function magnitude (body: string): bigint {
  if (body.includes(':')) return body.split(':').reduce((sum, part) => sum * 60n + BigInt(part), 0n)
  if (/^0[bx]/.test(body)) return BigInt(body)
  return body.length > 1 && body.startsWith('0') ? BigInt(`0o${body.slice(1)}`) : BigInt(body)
}

function float (text: string): Scalar {
  return floatOf(double(text.replaceAll('_', '').toLowerCase()))
}

function floatOf (value: number): Scalar {
  const text = javaDouble(value)
  return text === 'NaN' || text === 'Infinity' || text === '-Infinity' ? { kind: 'not-finite', text } : { kind: 'number', text }
}

/** A number as Java has it that reads JSON: integers of any size, `2.50` is the double `2.5`. */
export const javaNumber = (text: string): Scalar =>
  /^-?\d+$/.test(text) ? { kind: 'number', text } : floatOf(Number(text))

function double (body: string): number {
  const sign = body.startsWith('-') ? -1 : 1
  const unsigned = body.replace(/^[-+]/, '')
  if (unsigned === '.inf') return sign * Infinity
  if (unsigned === '.nan') return NaN
  return sign * unsigned.split(':').reduce((sum, part) => sum * 60 + Number(part), 0)
}

/** Java's `Double.toString`: always a fraction, exponent form below 1e-3 and from 1e7 up. */
export function javaDouble (value: number): string {
  if (!Number.isFinite(value)) return String(value)
  if (value === 0) return Object.is(value, -0) ? '-0.0' : '0.0'
  const size = Math.abs(value)
  if (size >= 1e-3 && size < 1e7) return withFraction(String(value))
  const [mantissa = '', exponent] = twoDigits(value).split('e')
  return `${withFraction(mantissa)}E${Number(exponent)}`
}

/** Java writes at least two digits, so it takes the nearest number of two where one would do: 4.9E-324. */
function twoDigits (value: number): string {
  const shortest = value.toExponential()
  return /^-?\de/.test(shortest) ? value.toExponential(1) : shortest
}

const withFraction = (digits: string): string => digits.includes('.') ? digits : `${digits}.0`
