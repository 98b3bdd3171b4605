/** Where the owner is, in a small file beside its database: replicas must find it while the registry is down too. */
import { readFileSync, renameSync, writeFileSync } from 'node:fs'

export class OwnerFile {
  readonly #file: string

  constructor (file: string) {
    this.#file = file
  }

  read (): string | undefined {
    try {
      const { url } = JSON.parse(readFileSync(this.#file, 'utf8')) as { url?: unknown }
      return typeof url === 'string' ? url : undefined
    } catch {
      // No owner has announced itself yet.
      return undefined
    }
  }

  /** Written aside and renamed, so that nobody reads half of it. */
  write (url: string): void {
    const aside = `${this.#file}.new`
    writeFileSync(aside, JSON.stringify({ url }))
    renameSync(aside, this.#file)
  }
}
