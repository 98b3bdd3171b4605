/** Looks for sagas whose deadline has passed; each gets its own transaction, so that one failing holds up no other. */
import type { Messaging } from '../messaging.ts'
import type { SqlReader, SqlTx } from '../store/store.ts'
import type { Sagas } from './sagas.ts'

const BATCH = 50

/** Starts looking every `everyMs`; the returned function stops and waits for the running look. */
export function watchDeadlines<Data> (
  sagas: Sagas<Data>, messaging: Messaging<SqlTx>, reader: SqlReader, everyMs: number, onError: (error: unknown) => void
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
  let timer = setTimeout(function tick () {
    looking = look().catch(onError).then(() => {
      if (!stopped) timer = setTimeout(tick, everyMs)
    })
  }, everyMs)
  return async () => {
    stopped = true
    clearTimeout(timer)
    await looking
  }
}
