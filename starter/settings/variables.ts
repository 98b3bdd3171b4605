import { joinName, splitName } from './relaxed.ts'
import type { NamePart } from './relaxed.ts'
import type { Property, PropertySource } from './types.ts'

/** Name of the source that holds the environment variables. */
export const ENVIRONMENT = 'environment'

/** The environment as a source: its keys are the variables' own names. */
export function environmentSource (env: Readonly<Record<string, string | undefined>>): PropertySource {
  const properties = new Map<string, Property>()
  for (const [name, text] of Object.entries(env)) {
    if (text === undefined) continue
    properties.set(name, { value: { kind: 'string', text }, origin: { source: `env ${name}` } })
  }
  return { name: ENVIRONMENT, properties }
}

/** The key an environment variable stands for: `A_B_0_C` is `a.b[0].c`; undefined when it can be none. */
export function environmentKey (name: string): string | undefined {
  if (name.includes('.')) return name
  const parts = name.split('_').filter(part => part !== '')
  if (parts.length === 0) return undefined
  return joinName(parts.map((part, index) => ({ text: part.toLowerCase(), bracket: index > 0 && /^\d+$/.test(part) })))
}

/** The environment variable that sets a key, for messages: `a.service-url` is `A_SERVICEURL`. */
export function environmentName (key: string): string {
  return splitName(key).map(part => part.text.replace(/-/g, '').replace(/[^A-Za-z0-9]+/g, '_').toUpperCase()).join('_')
}

/** What two variables have in common that mean the same key: `A__B_` and `a_b` are both `a_b`. */
export const variableForm = (name: string): string => name.toLowerCase().split(/[_.-]+/).filter(Boolean).join('_')

/**
 * The forms of variables that set a key, the one that counts first: without the dashes (`A_SERVICEURL`), and with
 * them as `_` (`A_SERVICE_URL`), which Spring takes when the other is not set.
 */
export function formsOf (parts: readonly NamePart[]): string[] {
  const exact = parts.map(({ text, bracket }) => bracket ? text : text.replace(/[-_]/g, ''))
  const asDots = parts.map(part => part.text)
  // A dot within brackets is none that a `_` stands for.
  return [exact, asDots].map(texts => texts.join('_').toLowerCase().split(/[_-]+/).filter(Boolean).join('_'))
}

/**
 * The property that a source has under a name as it is written. The environment is asked as in Spring: for the name,
 * then with its dots and dashes as `_`, then for all that in capitals.
 */
export function writtenIn ({ name: source, properties }: PropertySource, name: string): Property | undefined {
  if (source !== ENVIRONMENT) return properties.get(name)
  for (const text of [name, name.toUpperCase()]) {
    const dotless = text.replaceAll('.', '_')
    for (const variable of [text, dotless, text.replaceAll('-', '_'), dotless.replaceAll('-', '_')]) {
      const property = properties.get(variable)
      if (property !== undefined) return property
    }
  }
  return undefined
}
