/** How a store forgets what is old: batch by batch, each in a transaction of its own, so that nobody waits for long. */
import type { PurgeBefore, Store } from './store.ts'

/** A round ends here and is gone on with in the next one: the backlog of a month must not keep the store for itself. */
const ROUND_MS = 20_000

export type Kind = keyof PurgeBefore
const KINDS: readonly Kind[] = ['sentMs', 'inboxMs', 'answersMs']

export interface PurgingParts {
  /**
   * Notes how new what the inbox will forget is. Called before anything is removed: a kill in between leaves rows that
   * are thought forgotten, never the reverse.
   */
  readonly forget: (beforeMs: number) => Promise<unknown>
  /** Removes up to `batch` of a kind; resolves with how many. */
  readonly remove: (kind: Kind, beforeMs: number) => Promise<number>
  readonly batch: number
  readonly elapsed: () => number
}

/** Removes all that is old, the kinds in turn. A round that is asked for while one runs is that one. */
export function purging (parts: PurgingParts): Store['purge'] {
  let running: Promise<void> | undefined
  return before => running ??= round(parts, before).finally(() => { running = undefined })
}

async function round ({ forget, remove, batch, elapsed }: PurgingParts, before: PurgeBefore): Promise<void> {
  const endsAt = elapsed() + ROUND_MS
  await forget(before.inboxMs)
  let kinds = KINDS
  while (kinds.length > 0 && elapsed() < endsAt) {
    const more: Kind[] = []
    for (const kind of kinds) if (await remove(kind, before[kind]) === batch) more.push(kind)
    kinds = more
  }
}
