/**
 * Checks an environment against the JSON Schema of its application (`foo.schema.json` beside foo.yml, and
 * `application.schema.json` for all). Text counts as the number it spells, since properties files have only text;
 * values that are still encrypted are not looked at.
 */
import { createHash } from 'node:crypto'
import { formatOrigin, type Origin, type PropertySource } from '@breakwater/starter/settings'
import { flatten } from '../render/flat.ts'
import { resolveAll } from '../render/render.ts'
import { toTree, type TreeNode } from '../render/tree.ts'
import type { Fault, Verdict } from './schema-job.ts'
import { SchemaThread, THREAD_LIMITS, type ThreadLimits } from './schema-thread.ts'

/** One rule that is broken. */
export interface Violation {
  /** File and line of the value, or the schema where a value is missing. */
  readonly where: string
  readonly key: string
  /** Keyword of the schema: `maximum`, `required`. */
  readonly rule: string
  readonly text: string
}

/** With the file of the value; undefined where a value is missing or the schema is at fault. */
export interface LocatedViolation extends Violation {
  readonly source: string | undefined
}

/** How long a schema that could not be checked in time is not tried again. */
const SLOW_MS = 60_000
const MAX_SLOW = 200

export class Schemas {
  readonly #thread: SchemaThread
  readonly #slow = new Map<string, { readonly verdict: Verdict, readonly untilMs: number }>()

  constructor (limits: ThreadLimits = THREAD_LIMITS) {
    this.#thread = new SchemaThread(limits)
  }

  stop (): void {
    this.#thread.stop()
  }

  /** What is wrong with the sources; a schema that is none, or takes too long, is itself the one violation. */
  async check (sources: readonly PropertySource[], file: string, content: Buffer): Promise<LocatedViolation[]> {
    const { faults, unusable } = await this.#verdict(content.toString(), toPlain(treeOf(sources)))
    if (unusable === undefined) return faults.map(fault => violationOf(fault, sources, file))
    return [{ where: file, source: undefined, key: '', rule: 'schema', text: `the schema cannot be used: ${unusable}` }]
  }

  // Each try of a slow one takes the thread from the others for its whole time.
  async #verdict (schema: string, data: unknown): Promise<Verdict> {
    const key = createHash('sha256').update(schema).digest('base64')
    const slow = this.#slow.get(key)
    if (slow !== undefined && slow.untilMs > performance.now()) return slow.verdict
    const verdict = await this.#thread.check({ schema, data })
    if (this.#slow.size >= MAX_SLOW) this.#slow.clear()
    if (verdict.isLate === true) this.#slow.set(key, { verdict, untilMs: performance.now() + SLOW_MS })
    return verdict
  }
}

/** The values as a tree, placeholders filled in; throws for keys that make none. */
export function treeOf (sources: readonly PropertySource[]): TreeNode {
  return toTree(resolveAll(flatten(sources)))
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

function violationOf (fault: Fault, sources: readonly PropertySource[], file: string): LocatedViolation {
  const key = fault.instancePath.split('/').slice(1).map(part => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce((path, part) => /^\d+$/.test(part) ? `${path}[${part}]` : path === '' ? part : `${path}.${part}`, '')
  const full = [key, fault.missing ?? fault.additional ?? ''].filter(part => part !== '').join('.')
  const origin = fault.missing === undefined ? originOf(full, sources) : undefined
  return {
    where: origin === undefined ? file : formatOrigin(origin),
    source: origin?.source,
    key: full,
    rule: fault.keyword,
    text: `${full} ${fault.message ?? 'is not valid'}`
  }
}

function originOf (key: string, sources: readonly PropertySource[]): Origin | undefined {
  for (const { properties } of sources) {
    const exact = properties.get(key) ??
      [...properties].find(([name]) => name.startsWith(`${key}.`) || name.startsWith(`${key}[`))?.[1]
    if (exact !== undefined) return exact.origin
  }
  return undefined
}
