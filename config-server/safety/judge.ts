/** Whether a state can be served: its files can be parsed, and its values keep the schemas that lie beside them. */
import { BreakwaterError } from '@breakwater/starter/errors'
import type { PropertySource } from '@breakwater/starter/settings'
import { schemaNames } from '../backends/schema-names.ts'
import type { Ask } from '../environment/ask.ts'
import type { Broken, Found, SchemaFile } from '../environment/environment.ts'
import { error } from '../errors.ts'
import { treeOf, type LocatedViolation, type Schemas } from './schema.ts'

/** Marks of the parts of an answer that a file is in. */
const PARTS = /^(?:\d+:)+/

/** All that keeps a state from being served; none when it can be. */
export async function faultsOf (ask: Ask, found: Found, schemas: Schemas): Promise<readonly Broken[]> {
  if (found.broken !== undefined && found.broken.length > 0) return found.broken
  const faults = await Promise.all(schemaNames(ask).map(async name => {
    const schema = found.schemas?.get(name)
    return schema === undefined ? [] : schemaFaults(found, name, schema, schemas)
  }))
  return faults.flat()
}

async function schemaFaults (found: Found, name: string, schema: SchemaFile, schemas: Schemas): Promise<Broken[]> {
  try {
    if (schema.content === undefined) throw error('E_CONFIG_FILE', ['the schema is too large.'], { where: schema.file })
    const violations = await schemas.check(found.sources, schema.file, schema.content)
    return violations.length === 0 ? [] : brokenBy(violations, found, name, schema)
  } catch (failure) {
    // Keys that make no tree: no schema can say yes to them.
    if (!(failure instanceof BreakwaterError)) throw failure
    const source = found.sources.find(one => !makesTree(one))?.properties.values().next().value?.origin.source
    const files = source === undefined ? ownFiles(found, name, schema) : [source]
    return [{ files, problem: error('E_CONFIG_FILE', [failure.message], { where: failure.where ?? files[0], cause: failure }) }]
  }
}

function brokenBy (violations: readonly LocatedViolation[], found: Found, name: string, schema: SchemaFile): Broken[] {
  const [first, ...more] = violations
  const rest = more.length === 0 ? '' : ` (and ${more.length} more)`
  const problem = error('E_CONFIG_INVALID', [first!.text, `rule ${first!.rule} of ${name}.schema.json${rest}`], { where: first!.where })
  const sources = new Set(violations.map(({ source }) => source))
  return [...sources].map(source =>
    ({ problem, files: source === undefined ? ownFiles(found, name, schema) : [source] }))
}

function makesTree (source: PropertySource): boolean {
  try {
    treeOf([source])
    return true
  } catch {
    return false
  }
}

// A value that is missing lies in no file: it is one of the application's own that should have it.
function ownFiles ({ files = [] }: Found, name: string, { file }: SchemaFile): readonly string[] {
  const own = files.filter(path => isOwn(path, name))
  return own.length > 0 ? own : files.length > 0 ? files : [file]
}

function isOwn (path: string, name: string): boolean {
  const base = path.slice(path.lastIndexOf('/') + 1).replace(PARTS, '')
  const stem = name.slice(name.lastIndexOf('/') + 1)
  return base.startsWith(`${stem}.`) || base.startsWith(`${stem}-`)
}

/**
 * Whether an earlier state may stand in for what is broken: it has to have a file for everything that is, or a file
 * that broke with its first commit would count for nothing, and nobody who starts would know.
 */
export function hasAllOf (broken: readonly Broken[], { files = [] }: Found): boolean {
  return broken.every(({ files: anyOf }) => anyOf.some(one => files.some(file => isSame(file, one))))
}

// The file of a value is named without the part of the answer that it is in.
function isSame (file: string, wanted: string): boolean {
  return file === wanted || file.replace(PARTS, '') === wanted
}
