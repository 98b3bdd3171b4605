/** What a projection is made of: the events of its source, and what to do with one. */
import type { Clock } from '../clock.ts'
import type { Logger } from '../parts.ts'
import type { SqlReader, SqlTx, Store } from '../store/store.ts'

/** An event as its source stores it. `pos` is its place in the line of all events. */
export interface FeedEvent {
  readonly stream: string
  readonly version: number
  readonly type: string
  readonly data: Record<string, unknown>
  readonly at: number
  readonly pos: number
}

export type StreamEvent = Omit<FeedEvent, 'pos'>

export interface ProjectionParts {
  /** Lower case letters, digits and `-`. */
  readonly name: string
  /** Raised when `apply` gives another document for the same events: the read model is then built anew. @default 1 */
  readonly code?: number
  readonly store: Store<SqlTx, SqlReader>
  /** Applies one event to a generation's documents; deterministic, or a rebuild would give another result. */
  readonly apply: (tx: SqlTx, event: StreamEvent, generation: number) => Promise<void>
  /** Removes up to `limit` documents of a generation that nobody reads any more; returns how many. */
  readonly forget: (tx: SqlTx, generation: number, limit: number) => Promise<number>
  /** One stream from a version on. */
  readonly pull: (stream: string, from: number) => Promise<readonly StreamEvent[]>
  /** All events after a position, in the order of their positions. */
  readonly feed: (after: number, limit: number) => Promise<readonly FeedEvent[]>
  /** Between two looks at the feed, in milliseconds. */
  readonly followMs: number
  /** Called behind the commit that brought something to these streams. */
  readonly onApplied?: (streams: Iterable<string>) => void
  readonly log: Logger
  /** @default the machine's */
  readonly clock?: Clock
}
