/** Divides what is sent into calls that the bus can take, by bytes and by number. */
import { hasCode, isTransient, messagingError } from '../../errors.ts'
import { MAX_CALL_BYTES, MAX_ITEMS } from './limits.ts'

/** For what stands around the items in a call. */
const MARGIN_BYTES = 1024

interface Entry<Item> { readonly item: Item, readonly json: string }

/**
 * Calls `send` with the items of each call as JSON texts. A call that the bus refuses, or fails at, is halved, down to
 * the one item that is at fault; what is not taken is returned with the reason. Of an item that was not taken at this
 * moment (`canRetry`) nothing behind it in its group is sent. Rejects when nothing was taken because the bus is away.
 */
export async function inCalls<Item> (
  items: readonly Item[], groupOf: (item: Item) => string, send: (json: string) => Promise<void>
): Promise<Map<Item, Error>> {
  const refused = new Map<Item, Error>()
  const stopped = new Set<string>()
  let taken = 0
  const refuse = (entries: ReadonlyArray<Entry<Item>>, error: Error): void => {
    for (const { item } of entries) {
      refused.set(item, error)
      if (isTransient(error)) stopped.add(groupOf(item))
    }
  }
  const withoutStopped = (entries: ReadonlyArray<Entry<Item>>): Array<Entry<Item>> => {
    const { wait = [], go = [] } = Object.groupBy(entries, ({ item }) => stopped.has(groupOf(item)) ? 'wait' : 'go')
    refuse(wait, messagingError('E_BUS_NOT_YET', ['its group waits']))
    return go
  }
  const attempt = async (entries: ReadonlyArray<Entry<Item>>): Promise<void> => {
    const open = stopped.size === 0 ? entries : withoutStopped(entries)
    if (open.length === 0) return
    try {
      await send(open.map(entry => entry.json).join(','))
      taken += open.length
    } catch (error) {
      if (!isAboutItems(error)) throw error
      if (open.length === 1) return refuse(open, error)
      const middle = Math.ceil(open.length / 2)
      await attempt(open.slice(0, middle))
      await attempt(open.slice(middle))
    }
  }

  const calls = divide(items.map(item => ({ item, json: JSON.stringify(item) })))
  for (const [at, entries] of calls.entries()) {
    try {
      await attempt(entries)
    } catch (error) {
      if (taken === 0 || !(error instanceof Error)) throw error
      refuse(calls.slice(at).flat().filter(({ item }) => !refused.has(item)), error)
      break
    }
  }
  return refused
}

/** The bus is there, and does not take this. */
function isAboutItems (error: unknown): error is Error {
  return hasCode(error, 'E_BUS_REFUSED', 'E_BUS_NOT_YET')
}

function divide<Item> (entries: ReadonlyArray<Entry<Item>>): Array<Array<Entry<Item>>> {
  const calls: Array<Array<Entry<Item>>> = []
  let bytes = Infinity
  for (const entry of entries) {
    const size = Buffer.byteLength(entry.json) + 1
    if (bytes + size > MAX_CALL_BYTES - MARGIN_BYTES || calls.at(-1)!.length === MAX_ITEMS) {
      calls.push([])
      bytes = 0
    }
    calls.at(-1)!.push(entry)
    bytes += size
  }
  return calls
}
