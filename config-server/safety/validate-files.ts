/** Checks files before they are committed: the same parsing, ordering and schema as when they are served. */
import { BreakwaterError } from '@breakwater/starter/errors'
import type { Ask } from '../environment/ask.ts'
import { orderSources, type ConfigFile, type ServerTraits } from '../environment/order.ts'
import type { FileRef } from '../environment/location.ts'
import { parseConfigFile, type FileLimits } from '../environment/parse-file.ts'
import { asProblem } from '../backends/parsed-files.ts'
import { schemaNames } from '../backends/schema-names.ts'
import type { Schemas, Violation } from './schema.ts'

/** All that is wrong with the files for one question; empty when they can be served. */
export async function validateFiles (
  files: ReadonlyMap<string, string>, ask: Ask, limits: FileLimits & ServerTraits, schemas: Schemas
): Promise<Violation[]> {
  const location = { folder: '', url: '', path: '' }
  const load = async (refs: readonly FileRef[]): Promise<ConfigFile[]> =>
    refs.filter(({ file }) => files.has(file)).map(ref => ({ ...ref, ...parsed(ref.file, files.get(ref.file) ?? '', limits) }))
  try {
    const { sources, broken } = await orderSources(ask, [location], load, limits)
    if (broken.length > 0) return broken.map(({ problem }) => violationOf(problem))
    const found = await Promise.all(schemaNames(ask).map(async name => {
      const schema = files.get(`${name}.schema.json`)
      return schema === undefined ? [] : schemas.check(sources, `${name}.schema.json`, Buffer.from(schema))
    }))
    return found.flat().map(({ where, key, rule, text }) => ({ where, key, rule, text }))
  } catch (failure) {
    if (!(failure instanceof BreakwaterError)) throw failure
    return [violationOf(failure)]
  }
}

function parsed (file: string, text: string, limits: FileLimits) {
  try {
    return { documents: parseConfigFile(file, Buffer.from(text), limits) }
  } catch (failure) {
    return asProblem(failure)
  }
}

function violationOf ({ where = '', code, message }: BreakwaterError): Violation {
  return { where, key: '', rule: code, text: message }
}
