/** Says what is wrong in a stack file in a person's words: by its place, with the nearest right word. */
import { Ajv, type ErrorObject } from 'ajv'
import { nearestKey } from '@breakwater/starter/nearest-key'
import { error } from '../errors.ts'
import type { Positioned } from './positions.ts'
import { STACK_SCHEMA } from './schema.ts'

const validate = new Ajv({ allErrors: true, allowUnionTypes: true, verbose: true }).compile(STACK_SCHEMA)

/** Throws E_STACK_FILE with every fault of the file. */
export function checkShape (positioned: Positioned): void {
  if (validate(positioned.value)) return
  const faults = (validate.errors ?? []).map(fault => ({ path: pathOf(fault), text: textOf(fault) }))
    .filter(({ text }) => text !== undefined)
  // Of alternatives each complains: the deepest place is the one that was meant.
  const deepest = faults.filter(({ path }) =>
    !faults.some(other => other.path.length > path.length && path.every((part, at) => part === other.path[at])))
  const told = [...new Map(deepest.map(({ path, text }) => [path.join('/'), { path, text }])).values()]
  throw error('E_STACK_FILE', [told.map(({ path, text }) => `${path.join('.') || 'the file'} ${text}`).join('\n  ')],
    { where: positioned.where(told[0]?.path ?? []) })
}

function pathOf ({ instancePath, keyword, params }: ErrorObject): string[] {
  const path = instancePath.split('/').slice(1).map(part => part.replaceAll('~1', '/').replaceAll('~0', '~'))
  const { additionalProperty, propertyName } = params as { additionalProperty?: string, propertyName?: string }
  if (keyword === 'additionalProperties') path.push(additionalProperty ?? '')
  if (keyword === 'propertyNames') path.push(propertyName ?? '')
  return path
}

function textOf (fault: ErrorObject): string | undefined {
  const { keyword, params, parentSchema, message } = fault
  const known = Object.keys((parentSchema as { properties?: object } | undefined)?.properties ?? {})
  if (keyword === 'additionalProperties') return unknownText((params as { additionalProperty: string }).additionalProperty, known)
  if (keyword === 'propertyNames') return 'is no name: small letters, digits and "-"'
  if (keyword === 'enum') return `must be one of ${(params as { allowedValues: string[] }).allowedValues.join(', ')}`
  if (keyword === 'oneOf') return 'needs either script or command, and not both'
  if (keyword === 'pattern') return 'must begin with "/"'
  // The alternatives of these have said it already.
  if (keyword === 'anyOf' || keyword === 'required' || (fault.propertyName !== undefined)) return undefined
  return message
}

function unknownText (key: string, known: readonly string[]): string {
  const near = nearestKey(key, known)
  return `is not known${near === undefined ? `: ${known.join(', ')}` : `. Did you mean "${near.key}"?`}`
}
