/** What messaging needs of a key-value engine, embedded or shared. */
import type { WriteSet } from './key-value-writes.ts'
import type { Outbox } from './store.ts'

/** What was committed: texts by their keys, in the order of the keys, from `start` up to, but not, `end`. */
export interface Entries {
  get (key: string): Promise<string | undefined>
  range (start: string, end: string, limit: number): Promise<ReadonlyArray<{ key: string, value: string }>>
  /** The last keys, the last first. */
  last (start: string, end: string, limit: number): Promise<readonly string[]>
  count (start: string, end: string): Promise<number>
}

/** What differs between the engines under messaging. */
export interface KeyValueCommits extends Pick<Outbox, 'lead' | 'ordered'> {
  readonly entries: Entries
  /** Runs a command and keeps what it wrote: all of it or nothing. */
  readonly run: <Value>(fn: (writes: WriteSet) => Promise<Value>) => Promise<Value>
}
