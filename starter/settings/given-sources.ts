import { settingsError } from './errors.ts'
import { JsonNumber, parseJson } from './json.ts'
import type { LoadOptions } from './options.ts'
import { flatten } from './tree.ts'
import type { Property, PropertySource } from './types.ts'
import { environmentSource } from './variables.ts'

const JSON_NAME = 'SPRING_APPLICATION_JSON'

/** What is given when a process starts, highest priority first: command line, JSON, environment. */
export function givenSources (options: LoadOptions): PropertySource[] {
  const env = options.env ?? {}
  const json = options.args?.['spring.application.json'] ?? env[JSON_NAME] ?? ''
  const sources = [textSource('command line', options.args ?? {}, 'command line'), jsonSource(json), environmentSource(env)]
  return sources.filter(source => source.properties.size > 0)
}

/** What holds when nothing else is said; always there, with the service's name. */
export function defaultSource (options: LoadOptions): PropertySource {
  return textSource('defaults', { 'spring.application.name': options.name, ...options.defaults }, 'default')
}

function textSource (name: string, values: Readonly<Record<string, string>>, origin: string): PropertySource {
  const properties = new Map<string, Property>()
  for (const [key, text] of Object.entries(values)) {
    properties.set(key, { value: { kind: 'string', text }, origin: { source: origin } })
  }
  return { name, properties }
}

function jsonSource (text: string): PropertySource {
  if (text.trim() === '') return { name: JSON_NAME, properties: new Map() }
  try {
    const value = parseJson(text)
    if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof JsonNumber) {
      throw new TypeError('no object')
    }
    return { name: JSON_NAME, properties: flatten(value, JSON_NAME) }
  } catch (cause) {
    throw settingsError('E_CONFIG_JSON', ['this is not one JSON object'], { where: JSON_NAME, cause })
  }
}
