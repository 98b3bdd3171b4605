/** An environment in the form that was asked for. */
import { resolvePlaceholders, type Lookup, type Scalar } from '@breakwater/starter/settings'
import type { Environment } from '../environment/environment.ts'
import { error } from '../errors.ts'
import { flatten, type FlatProperties } from './flat.ts'
import { environmentJson, treeJson } from './json.ts'
import { flatText } from './properties.ts'
import { toTree } from './tree.ts'
import { treeYaml } from './yaml.ts'

export type Form = 'v1' | 'v2' | 'yaml' | 'json' | 'properties'

export interface RenderOptions {
  readonly resolvePlaceholders: boolean
  readonly stripDocument: boolean
}

export function render (environment: Environment, form: Form, options: RenderOptions): string {
  if (form === 'v1' || form === 'v2') return environmentJson(environment, form === 'v2')
  const merged = flatten(environment.sources)
  const flat = options.resolvePlaceholders ? resolveAll(merged) : merged
  if (form === 'properties') return flatText(flat)
  return form === 'json' ? treeJson(toTree(flat)) : treeYaml(toTree(flat), options.stripDocument)
}

/**
 * Fills in `${key}` from the same environment only: nothing of the server's own settings can be read through it.
 * On the values before they are written, so that no value can break the form around it.
 */
export function resolveAll (flat: FlatProperties): FlatProperties {
  const lookup: Lookup = key => flat.get(key)?.text
  const resolved = new Map<string, Scalar>()
  for (const [key, scalar] of flat) resolved.set(key, resolveScalar(scalar, lookup))
  return resolved
}

function resolveScalar (scalar: Scalar, lookup: Lookup): Scalar {
  if (scalar.kind !== 'string' || !scalar.text.includes('${')) return scalar
  return { kind: 'string', text: resolveText(scalar.text, lookup) }
}

// What cannot be resolved at all (a circle, unbounded growth) is the fault of the configuration asked for: 400.
function resolveText (text: string, lookup: Lookup): string {
  try {
    return resolvePlaceholders(text, lookup)
  } catch (cause) {
    throw error('E_FLAT_PLACEHOLDER', [cause instanceof Error ? cause.message : String(cause)], { cause })
  }
}

/** A text file with `${key}` filled in from the environment; what is unknown stays as written. */
export function fillText (text: string, environment: Environment): string {
  if (!text.includes('${')) return text
  const flat = flatten(environment.sources)
  return resolveText(text, key => flat.get(key)?.text)
}
