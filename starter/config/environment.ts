import { configError } from './errors.ts'
import { JsonNumber, parseJson } from '../settings/json.ts'
import { javaNumber } from '../settings/yaml-scalar.ts'
import type { Origin, Property, PropertySource, Scalar } from '../settings/types.ts'

/** What a config server said: one application under some profiles. */
export interface RemoteEnvironment {
  readonly name: string
  readonly version: string | undefined
  readonly state: string | undefined
  /** Highest priority first. */
  readonly sources: readonly PropertySource[]
}

const MAX_PROPERTIES = 100_000

/**
 * Reads an environment in either form: v1 with plain values, v2 with `{"value":1,"origin":"6:8"}`.
 * Fails with `E_CONFIG_SERVER_ANSWER` on anything else.
 */
export function parseEnvironment (text: string, where: string): RemoteEnvironment {
  const json = parse(text, where)
  const list = json['propertySources']
  if (!Array.isArray(list)) throw configError('E_CONFIG_SERVER_ANSWER', ['"propertySources" is no list'], { where })
  let left = MAX_PROPERTIES
  const sources = list.map((item: unknown) => {
    const source = readSource(item, where)
    left -= source.properties.size
    if (left < 0) throw configError('E_CONFIG_SERVER_ANSWER', [`more than ${MAX_PROPERTIES} properties`], { where })
    return source
  })
  return { name: textOf(json['name']) ?? '', version: textOf(json['version']), state: textOf(json['state']), sources }
}

const textOf = (value: unknown): string | undefined => typeof value === 'string' && value !== '' ? value : undefined

type Json = Record<string, unknown>

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof JsonNumber)

function parse (text: string, where: string): Json {
  let json: unknown
  try {
    json = parseJson(text)
  } catch (cause) {
    throw configError('E_CONFIG_SERVER_ANSWER', ['it is not JSON'], { where, cause })
  }
  if (!isObject(json)) throw configError('E_CONFIG_SERVER_ANSWER', ['it is no JSON object'], { where })
  return json
}

function readSource (item: unknown, where: string): PropertySource {
  if (!isObject(item) || typeof item['name'] !== 'string' || !isObject(item['source'])) {
    throw configError('E_CONFIG_SERVER_ANSWER', ['a property source has no "name" or no "source"'], { where })
  }
  const name = `configserver:${item['name']}`
  const properties = new Map<string, Property>()
  for (const [key, value] of Object.entries(item['source'])) {
    const tracked = isTracked(value)
    properties.set(key, {
      value: toScalar(tracked ? value['value'] : value), origin: readOrigin(name, tracked ? value['origin'] : undefined)
    })
  }
  return { name, properties }
}

function isTracked (value: unknown): value is Json {
  return isObject(value) && Object.keys(value).length === 2 && 'value' in value && 'origin' in value
}

/** Version 2 gives `line:column`; other origins are texts of the back end and are left out. */
function readOrigin (source: string, origin: unknown): Origin {
  const match = typeof origin === 'string' ? /^(\d{1,9}):(\d{1,9})$/.exec(origin) : null
  return match === null ? { source } : { source, line: Number(match[1]), column: Number(match[2]) }
}

function toScalar (value: unknown): Scalar {
  if (value instanceof JsonNumber) return javaNumber(value.text)
  if (typeof value === 'boolean') return { kind: 'boolean', text: value ? 'true' : 'false' }
  // A back end may hand out JSON below a key; its text is more use than nothing.
  return { kind: 'string', text: typeof value === 'string' ? value : value === null ? '' : JSON.stringify(value) }
}
