/** Checks files before they are committed: the same parsing, ordering and schema as when they are served. */
import { BreakwaterError } from '@breakwater/starter/errors'
import type { Ask } from '../environment/ask.ts'
import { orderSources, type ServerTraits } from '../environment/order.ts'
import { parseConfigFile, type FileLimits } from '../environment/parse-file.ts'
import { Schemas, type Violation } from './schema.ts'

/** All that is wrong with the files for one question; empty when they can be served. */
export async function validateFiles (
  files: ReadonlyMap<string, string>, ask: Ask, limits: FileLimits, traits: ServerTraits
): Promise<Violation[]> {
  const location = { folder: '', url: '', path: '' }
  try {
    const sources = await orderSources(ask, [location], async refs => refs.flatMap(ref => {
      const text = files.get(ref.file)
      return text === undefined ? [] : [{ ...ref, documents: parseConfigFile(ref.file, Buffer.from(text), limits) }]
    }), traits)
    const schemas = new Schemas()
    return [...new Set(['application', ...ask.names])].flatMap(name => {
      const schema = files.get(`${name}.schema.json`)
      return schema === undefined ? [] : schemas.check(sources, `${name}.schema.json`, Buffer.from(schema))
    })
  } catch (failure) {
    if (!(failure instanceof BreakwaterError)) throw failure
    return [{ where: failure.where ?? '', key: '', rule: failure.code, text: failure.message }]
  }
}
