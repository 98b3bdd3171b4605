/**
 * Routes put in through the admin, by id. With a file they are still there after a restart: it is written beside and
 * renamed over the old one, so that a crash leaves the old or the new, never half.
 */
import { readFile, rename, writeFile } from 'node:fs/promises'
import { BreakwaterError } from '@breakwater/starter/errors'
import { error } from '../errors.ts'
import { readRoutes } from './definitions.ts'
import type { RouteDefinition } from './route.ts'

export class RouteStore {
  readonly #file: string | undefined
  #routes = new Map<string, RouteDefinition>()
  #saving: Promise<void> = Promise.resolve()

  constructor (file?: string) {
    this.#file = file
  }

  /** Reads the file; none yet is an empty store, a broken one stops the start. */
  async load (): Promise<this> {
    if (this.#file === undefined) return this
    try {
      this.replace(definitionsIn(await readFile(this.#file, 'utf8'), this.#file))
    } catch (cause) {
      if (cause instanceof BreakwaterError) throw cause
      if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') {
        throw error('E_GATEWAY_SETTING', [`the file of stored routes cannot be read (${(cause as Error).message}).`],
          { where: this.#file, cause })
      }
    }
    return this
  }

  list (): readonly RouteDefinition[] {
    return [...this.#routes.values()]
  }

  get (id: string): RouteDefinition | undefined {
    return this.#routes.get(id)
  }

  /** One that is there is replaced: Spring keeps both and breaks the listing. */
  put (definition: RouteDefinition): void {
    this.#routes.set(definition.id, definition)
  }

  delete (id: string): boolean {
    return this.#routes.delete(id)
  }

  replace (definitions: readonly RouteDefinition[]): void {
    this.#routes = new Map(definitions.map(one => [one.id, one]))
  }

  async save (): Promise<void> {
    const file = this.#file
    if (file === undefined) return
    this.#saving = this.#saving.catch(() => {}).then(async () => {
      const temporary = `${file}.new`
      await writeFile(temporary, `${JSON.stringify(this.list(), null, 2)}\n`, { mode: 0o600 })
      await rename(temporary, file)
    })
    await this.#saving
  }
}

/** Written by us, by a person or by `breakwater up`: whatever the settings may say of a route may stand there. */
function definitionsIn (text: string, file: string): RouteDefinition[] {
  return readRoutes(JSON.parse(text), 'routes', () => file).map(result => {
    if ('fault' in result) throw result.fault
    return result.definition
  })
}
