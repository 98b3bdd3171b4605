/** Looks for sagas whose deadline has passed; each gets its own transaction, so that one failing holds up no other. */
import { systemClock, type Clock } from '../clock.ts'
import type { Messaging } from '../messaging.ts'
import type { SqlReader, SqlTx } from '../store/store.ts'
import type { Sagas } from './sagas.ts'

const BATCH = 50

/** Starts looking every `everyMs`; the returned function stops and waits for the running look. */
export function watchDeadlines<Data> (
  sagas: Sagas<Data>, messaging: Messaging<SqlTx>, reader: SqlReader, everyMs: number,
  onError: (error: unknown) => void, clock: Clock = systemClock
): () => Promise<void> {
  let stopped = false
  let looking: Promise<void> = Promise.resolve()
  const look = async (): Promise<void> => {
    for (const subject of await sagas.due(reader, BATCH)) {
      if (stopped) return
      // Not `messaging.tx`: a full outbox must not keep a saga from compensating.
      await messaging.inTransaction((tx, emit) => sagas.expire(tx, emit, subject))
    }
  }
  const tick = (): void => {
    looking = look().catch(onError).then(() => {
      if (!stopped) cancel = clock.after(everyMs, tick)
    })
  }
  let cancel = clock.after(everyMs, tick)
  return async () => {
    stopped = true
    cancel()
    await looking
  }
}
