/**
 * Outbox, inbox and idempotency keys as key-value entries, for stores without tables. Times are part of a key where
 * the purge looks for what is old; numbers are padded, because keys sort as text.
 *
 *   state/<key>                          the service's own
 *   outbox/seq                           the last number given
 *   outbox/new/<seq>                     to be sent
 *   outbox/sent/<time>/<seq>             sent, kept for the operator
 *   inbox/by-id/<consumer>/<id>          with the replies; inbox/by-time/<time>/<consumer>/<id> for the purge
 *   answer/by-key/<scope>/<key>          idempotency; answer/by-time/... likewise
 */
import type { Claim, KeyValueReader, Outbox, OutboxEntry, OutboxRow, PurgeBefore, StoredAnswer, Tx } from './store.ts'

/** What a transaction of any key-value engine can do. */
export interface RawTx {
  get<Value> (key: string): Promise<Value | undefined>
  put (key: string, value: unknown): void
  remove (key: string): void
}

export const STATE = 'state/'

const SEQ = 'outbox/seq'
const NEW = 'outbox/new/'
const SENT = 'outbox/sent/'
const INBOX_ID = 'inbox/by-id/'
const INBOX_TIME = 'inbox/by-time/'
const ANSWER_KEY = 'answer/by-key/'
const ANSWER_TIME = 'answer/by-time/'
const PURGE_BATCH = 1000

interface InboxEntry { readonly at: number, readonly replies: readonly OutboxEntry[] }

/** What one transaction writes for messaging. */
export function keyValueMessaging (tx: RawTx, now: () => number, onAppend: (rows: number) => void): Tx {
  return {
    outbox: { append: entries => append(tx, entries, now(), onAppend) },
    inbox: {
      claim: (consumer, id) => claim(tx, consumer, id, now()),
      keepReplies: async (consumer, id, replies) => {
        tx.put(`${INBOX_ID}${consumer}/${id}`, { at: now(), replies } satisfies InboxEntry)
      }
    },
    idempotency: {
      get: (scope, key) => tx.get<StoredAnswer>(answerKey(scope, key)),
      put: async (scope, key, answer) => {
        tx.put(answerKey(scope, key), answer)
        tx.put(`${ANSWER_TIME}${pad(answer.at)}/${encode(scope)}/${encode(key)}`, answerKey(scope, key))
      }
    }
  }
}

async function append (
  tx: RawTx, entries: readonly OutboxEntry[], at: number, onAppend: (rows: number) => void
): Promise<void> {
  let seq = await tx.get<number>(SEQ) ?? 0
  for (const entry of entries) {
    seq++
    tx.put(NEW + pad(seq), { ...entry, seq, at } satisfies OutboxRow)
  }
  tx.put(SEQ, seq)
  onAppend(entries.length)
}

async function claim (tx: RawTx, consumer: string, id: string, at: number): Promise<Claim> {
  const key = `${INBOX_ID}${consumer}/${id}`
  const known = await tx.get<InboxEntry>(key)
  if (known !== undefined) return { fresh: false, replies: known.replies }
  tx.put(key, { at, replies: [] } satisfies InboxEntry)
  tx.put(`${INBOX_TIME}${pad(at)}/${consumer}/${id}`, key)
  return { fresh: true }
}

/** The relay's questions over committed entries. */
export function keyValueOutbox (
  read: KeyValueReader, write: (fn: (tx: RawTx) => Promise<void>) => Promise<void>, lead: () => Promise<boolean>,
  count: (prefix: string) => Promise<number>
): Outbox {
  return {
    lead,
    unsent: async limit => (await read.range<OutboxRow>(NEW, limit)).map(entry => entry.value),
    markSent: (seqs, nowMs) => write(async tx => {
      for (const seq of seqs) {
        const row = await tx.get<OutboxRow>(NEW + pad(seq))
        if (row === undefined) continue
        tx.remove(NEW + pad(seq))
        tx.put(`${SENT}${pad(nowMs)}/${pad(seq)}`, row)
      }
    }),
    count: () => count(NEW)
  }
}

/** The newest messages handled. */
export async function keyValueInbox (
  latest: (prefix: string, limit: number) => Promise<string[]>, limit: number
): Promise<Array<{ consumer: string, id: string, at: number }>> {
  const keys = await latest(INBOX_TIME, limit)
  return keys.map(key => {
    const [at = '', consumer = '', id = ''] = key.slice(INBOX_TIME.length).split('/')
    return { consumer, id, at: Number(at) }
  })
}

/** Removes what is old, a thousand a time. */
export async function keyValuePurge (
  read: KeyValueReader, write: (fn: (tx: RawTx) => Promise<void>) => Promise<void>, before: PurgeBefore
): Promise<void> {
  const kinds = [[SENT, before.sentMs], [INBOX_TIME, before.inboxMs], [ANSWER_TIME, before.answersMs]] as const
  for (const [prefix, beforeMs] of kinds) {
    const entries = await read.range<unknown>(prefix, PURGE_BATCH)
    const old = entries.filter(({ key }) => Number(key.slice(prefix.length).split('/')[0]) < beforeMs)
    if (old.length === 0) continue
    await write(async tx => {
      for (const { key, value } of old) {
        tx.remove(key)
        // The time index holds the key of what it stands for.
        if (typeof value === 'string') tx.remove(value)
      }
    })
  }
}

function answerKey (scope: string, key: string): string {
  return `${ANSWER_KEY}${encode(scope)}/${encode(key)}`
}

/** A client's text must not end a part of a key. */
function encode (text: string): string {
  return encodeURIComponent(text)
}

function pad (n: number): string {
  return String(n).padStart(16, '0')
}
