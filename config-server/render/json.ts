/** JSON of values whose numbers keep their text: `2.0` stays `2.0`, which JSON.stringify cannot promise. */
import type { PropertySource, Scalar } from '@breakwater/starter/settings'
import { OVERRIDES, type Environment } from '../environment/environment.ts'
import type { TreeNode } from './tree.ts'

const JSON_NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/

/** A scalar as JSON; a number that JSON has no form for (`NaN`) becomes a string, as Jackson does it. */
export function scalarJson (scalar: Scalar): string {
  if (scalar.kind === 'boolean') return scalar.text
  if (scalar.kind === 'number' && JSON_NUMBER.test(scalar.text)) return scalar.text
  return JSON.stringify(scalar.text)
}

/** A value tree as compact JSON. */
export function treeJson (node: TreeNode): string {
  if (node === null) return 'null'
  if (node instanceof Map) {
    return `{${[...node].map(([key, value]) => `${JSON.stringify(key)}:${treeJson(value)}`).join(',')}}`
  }
  return Array.isArray(node) ? `[${node.map(treeJson).join(',')}]` : scalarJson(node)
}

/**
 * An environment as Spring's JSON, members in Spring's order and nulls present. With origins it is the v2 form.
 */
export function environmentJson (environment: Environment, withOrigins: boolean): string {
  const { name, profile, label, version, state, sources } = environment
  const head = JSON.stringify({ name, profiles: [profile], label, version, state })
  const body = sources.map(source => sourceJson(source, withOrigins)).join(',')
  return `${head.slice(0, -1)},"propertySources":[${body}]}`
}

function sourceJson (source: PropertySource, withOrigins: boolean): string {
  const members: string[] = []
  for (const [key, { value, origin }] of source.properties) {
    const json = scalarJson(value)
    const where = withOrigins ? originText(source.name, origin.line, origin.column) : undefined
    members.push(`${JSON.stringify(key)}:${where === undefined ? json : `{"value":${json},"origin":"${where}"}`}`)
  }
  return `{"name":${JSON.stringify(source.name)},"source":{${members.join(',')}}}`
}

// Values without a place (decrypted ones, other stores) are sent plain, which v2 clients accept.
function originText (source: string, line: number | undefined, column: number | undefined): string | undefined {
  if (source === OVERRIDES) return 'Config server overrides'
  return line === undefined ? undefined : `${line}:${column ?? 1}`
}
