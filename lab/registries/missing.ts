/** Instances that live and have said so, and that a reader does not have all the same. */
import { RENEW_MS, type Client } from './client.ts'
import type { Reader } from './views.ts'

/** Who told a registry that ended at once tells another one with a later heartbeat: until then it may not be shown. */
const SETTLED_MS = 5 * RENEW_MS
/** A reader that has just found another registry is still reading its list. */
const LISTED_MS = 3000

export class Missing {
  /** When it was missed first, by reader and instance. */
  readonly #since = new Map<string, number>()
  readonly #found = new Map<string, string>()

  get found (): string[] {
    return [...this.#found.values()]
  }

  look (clients: readonly Client[], readers: readonly Reader[]): void {
    const now = Date.now()
    for (const client of clients) for (const reader of readers) this.#lookAt(client, reader, now)
  }

  #lookAt ({ up, changedAt, mayBeCancelled, app, id }: Client, reader: Reader, now: number): void {
    const key = `${reader.name} ${id}`
    const isMissing = up && !mayBeCancelled && changedAt < now - SETTLED_MS && !reader.has(app, id)
    const since = this.#since.get(key) ?? now
    if (!isMissing) this.#since.delete(key)
    else this.#since.set(key, since)
    if (!isMissing || now - since < LISTED_MS) return
    this.#found.set(key, `MISSED by ${reader.name}: ${id}, as it is since ${time(changedAt)}, from ${time(since)} to ${time(now)}`)
  }
}

function time (ms: number): string {
  return new Date(ms).toISOString().slice(11, 23)
}
