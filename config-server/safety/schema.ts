/**
 * Checks an environment against the JSON Schema of its application (`foo.schema.json` beside foo.yml, and
 * `application.schema.json` for all). Text counts as the number it spells, since properties files have only text;
 * values that are still encrypted are not looked at.
 */
import { createHash } from 'node:crypto'
import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { CIPHER, formatOrigin, type PropertySource } from '@breakwater/starter/settings'
import { REFERENCE } from '../encryption/fill-references.ts'
import { flatten } from '../render/flat.ts'
import { resolveAll } from '../render/render.ts'
import { toTree, type TreeNode } from '../render/tree.ts'

/** One rule that is broken. */
export interface Violation {
  /** File and line of the value, or the schema where a value is missing. */
  readonly where: string
  readonly key: string
  /** Keyword of the schema: `maximum`, `required`. */
  readonly rule: string
  readonly text: string
}

const MAX_SCHEMAS = 200
const MAX_VIOLATIONS = 20

export class Schemas {
  readonly #compiled = new Map<string, ValidateFunction>()

  /** What is wrong with the sources; a schema that is none is itself the one violation. */
  check (sources: readonly PropertySource[], file: string, content: Buffer): Violation[] {
    let validate: ValidateFunction
    try {
      validate = this.#compile(content)
    } catch (failure) {
      const text = failure instanceof Error ? failure.message : String(failure)
      return [{ where: file, key: '', rule: 'schema', text: `the schema cannot be used: ${text.slice(0, 200)}` }]
    }
    if (validate(toPlain(toTree(resolveAll(flatten(sources)))))) return []
    return (validate.errors ?? []).filter(({ data }) => !isSecret(data)).slice(0, MAX_VIOLATIONS)
      .map(fault => violationOf(fault, sources, file))
  }

  #compile (content: Buffer): ValidateFunction {
    const key = createHash('sha256').update(content).digest('base64')
    const known = this.#compiled.get(key)
    if (known !== undefined) return known
    const ajv = new Ajv2020({ allErrors: true, coerceTypes: true, strict: false, verbose: true, ownProperties: true })
    addFormats.default(ajv)
    const validate = ajv.compile(JSON.parse(content.toString()) as object)
    if (this.#compiled.size >= MAX_SCHEMAS) this.#compiled.clear()
    this.#compiled.set(key, validate)
    return validate
  }
}

function isSecret (data: unknown): boolean {
  return typeof data === 'string' && (data.startsWith(CIPHER) || data.startsWith(REFERENCE))
}

function toPlain (node: TreeNode): unknown {
  if (node === null) return null
  if (Array.isArray(node)) return node.map(toPlain)
  if (node instanceof Map) {
    const object = Object.create(null) as Record<string, unknown>
    for (const [key, value] of node) object[key] = toPlain(value)
    return object
  }
  if (node.kind === 'number') return Number(node.text)
  return node.kind === 'boolean' ? node.text === 'true' : node.text
}

function violationOf (fault: ErrorObject, sources: readonly PropertySource[], file: string): Violation {
  const key = fault.instancePath.split('/').slice(1).map(part => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce((path, part) => /^\d+$/.test(part) ? `${path}[${part}]` : path === '' ? part : `${path}.${part}`, '')
  const missing = (fault.params as { missingProperty?: string }).missingProperty
  const full = missing === undefined ? key : [key, missing].filter(part => part !== '').join('.')
  return {
    where: originOf(full, sources) ?? file, key: full, rule: fault.keyword, text: `${full} ${fault.message ?? 'is not valid'}`
  }
}

function originOf (key: string, sources: readonly PropertySource[]): string | undefined {
  for (const { properties } of sources) {
    const exact = properties.get(key) ??
      [...properties].find(([name]) => name.startsWith(`${key}.`) || name.startsWith(`${key}[`))?.[1]
    if (exact !== undefined) return formatOrigin(exact.origin)
  }
  return undefined
}
