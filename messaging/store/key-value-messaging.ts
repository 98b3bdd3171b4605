/** Outbox, inbox and idempotency keys as key-value entries, for stores without tables. */
import type { Clock } from '../clock.ts'
import { messagingError } from '../errors.ts'
import type { Entries, KeyValueCommits } from './key-value-commits.ts'
import { checkKey } from './key-value-entry.ts'
import {
  ANSWER_TIME, answerKey, answerTimeKey, behind, dedupeKey, FORGOTTEN, INBOX_TIME, inboxKey, inboxTimeKey, NEW,
  newKey, readInboxTimeKey, SENT, sentKey, STATE, timePart
} from './key-value-keys.ts'
import { refusedRows } from './key-value-refused.ts'
import { stateOf, type RawTx } from './key-value-writes.ts'
import { purging, type Kind } from './purging.ts'
import {
  inboxTime, seen, type Arrival, type Claim, type KeyValueReader, type KeyValueTx, type Outbox, type OutboxEntry,
  type OutboxRow, type Store, type StoredAnswer, type Tx
} from './store.ts'

export type KeyValueStore = Store<KeyValueTx, KeyValueReader>

/** The part of a store that is the same on every engine. */
export function keyValueParts (commits: KeyValueCommits, clock: Clock): Omit<KeyValueStore, 'description' | 'close'> {
  const { entries, run } = commits
  const listeners: Array<() => void> = []
  return {
    tx: async fn => {
      const [value, woken] = await run(async writes => {
        const value = await fn({ ...stateOf(writes), ...messagingOf(writes, () => clock.now()) })
        return [value, writes.appends.length > 0] as const
      })
      if (woken) for (const wake of listeners) wake()
      return value
    },
    read: stateReader(entries),
    outbox: outboxOf(commits),
    inbox: async limit => (await entries.last(INBOX_TIME, behind(INBOX_TIME), limit)).map(readInboxTimeKey),
    onOutbox: listener => { listeners.push(listener) },
    forgotten: async () => Number(await entries.get(FORGOTTEN) ?? 0),
    purge: purging({ batch: PURGE_BATCH, elapsed: () => clock.elapsed(),
      forget: beforeMs => forget(entries, run, beforeMs),
      remove: (kind, beforeMs) => purgeSome(entries, run, INDEX[kind], beforeMs) }),
    check: () => run(async writes => { writes.put('check', clock.now()) })
  }
}

function stateReader (entries: Entries): KeyValueReader {
  return {
    get: async <Value>(key: string) => {
      const text = await entries.get(STATE + checkKey(key))
      return text === undefined ? undefined : JSON.parse(text) as Value
    },
    range: async <Value>(prefix: string, limit: number) => {
      const start = STATE + checkKey(prefix)
      return (await entries.range(start, behind(start), limit)).map(({ key, value }) =>
        ({ key: key.slice(STATE.length), value: JSON.parse(value) as Value }))
    }
  }
}

/** What one transaction writes for messaging. */
function messagingOf (tx: RawTx, now: () => number): Tx {
  return {
    outbox: {
      append: async entries => {
        for (const entry of entries) tx.append(dedupeKey(entry.dedupe), { ...entry, at: now() })
      }
    },
    inbox: {
      claim: (consumer, id, arrival) => claim(tx, consumer, id, now(), arrival),
      keepReplies: (consumer, id, replies) => keepReplies(tx, inboxKey(consumer, id), replies)
    },
    idempotency: {
      get: (scope, key) => tx.get<StoredAnswer>(answerKey(scope, key)),
      put: (scope, key, answer) => keepAnswer(tx, scope, key, answer)
    }
  }
}

interface InboxEntry extends Pick<Arrival, 'content'> {
  readonly at: number
  readonly replies: readonly OutboxEntry[]
}

async function claim (
  tx: RawTx, consumer: string, id: string, nowMs: number, { sentMs, ...content }: Arrival = {}
): Promise<Claim> {
  const key = inboxKey(consumer, id)
  const known = await tx.get<InboxEntry>(key)
  if (known !== undefined) return seen(known.replies, known.content)
  const at = inboxTime(nowMs, sentMs)
  tx.put(key, { at, replies: [], ...content } satisfies InboxEntry)
  // The time index holds the key of what it stands for.
  tx.put(inboxTimeKey(at, consumer, id), key)
  return { fresh: true }
}

async function keepReplies (tx: RawTx, key: string, replies: readonly OutboxEntry[]): Promise<void> {
  const claimed = await tx.get<InboxEntry>(key)
  if (claimed !== undefined) tx.put(key, { ...claimed, replies } satisfies InboxEntry)
}

async function keepAnswer (tx: RawTx, scope: string, key: string, answer: StoredAnswer): Promise<void> {
  const name = answerKey(scope, key)
  if (await tx.get(name) !== undefined) throw messagingError('E_STORE_CONFLICT')
  tx.put(name, answer)
  tx.put(answerTimeKey(answer.at, scope, key), name)
}

/** Rows marked in one transaction: each is read with its body. */
const MARK_BATCH = 100

/** The relay's questions over committed entries. */
function outboxOf ({ entries, run, lead, ordered }: KeyValueCommits): Outbox {
  return {
    lead,
    ordered,
    refused: refusedRows(entries, run),
    unsent: async (limit, after = 0) =>
      (await entries.range(newKey(after + 1), behind(NEW), limit)).map(({ value }) => JSON.parse(value) as OutboxRow),
    markSent: async (seqs, nowMs) => {
      for (let n = 0; n < seqs.length; n += MARK_BATCH) {
        await run(writes => mark(writes, seqs.slice(n, n + MARK_BATCH), nowMs))
      }
    },
    count: () => entries.count(NEW, behind(NEW))
  }
}

/** A row that was sent is kept without its body: for the operator's eye, and to know a second sending by. */
async function mark (tx: RawTx, seqs: readonly number[], nowMs: number): Promise<void> {
  await Promise.all(seqs.map(async seq => {
    const row = await tx.get<OutboxRow>(newKey(seq))
    if (row === undefined) return
    tx.remove(newKey(seq))
    tx.put(sentKey(nowMs, seq), { ...row, body: undefined })
  }))
}

/** Entries removed in one transaction: what comes meanwhile waits for no more than these. */
const PURGE_BATCH = 1000
/** The kinds by their index on the time. */
const INDEX: Readonly<Record<Kind, string>> = { sentMs: SENT, inboxMs: INBOX_TIME, answersMs: ANSWER_TIME }

async function forget (entries: Entries, run: KeyValueCommits['run'], beforeMs: number): Promise<void> {
  const [newest] = await entries.last(INBOX_TIME, INBOX_TIME + timePart(beforeMs), 1)
  if (newest === undefined) return
  const { at } = readInboxTimeKey(newest)
  await run(async writes => { writes.put(FORGOTTEN, Math.max(at, await writes.get<number>(FORGOTTEN) ?? 0)) })
}

async function purgeSome (
  entries: Entries, run: KeyValueCommits['run'], prefix: string, beforeMs: number
): Promise<number> {
  const old = await entries.range(prefix, prefix + timePart(beforeMs), PURGE_BATCH)
  if (old.length > 0) await run(async writes => { for (const entry of old) removeWithLink(writes, entry) })
  return old.length
}

/** What was old, and what it stood for. */
function removeWithLink (writes: RawTx, { key, value }: { key: string, value: string }): void {
  const link = JSON.parse(value) as string | OutboxRow
  writes.remove(key)
  writes.remove(typeof link === 'string' ? link : dedupeKey(link.dedupe))
}
