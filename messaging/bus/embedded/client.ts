/** The embedded bus as a {@link Bus}: HTTP to its process, settlements of one turn in one call. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Envelope } from '../../envelope.ts'
import { messagingError } from '../../errors.ts'
import type { Bus, ConsumeOptions, DeadLetters, Handler, Outgoing, QueueStat, Refused } from '../bus.ts'
import { handle, type Verdict } from '../handling.ts'
import type { Received, Settlement } from './book.ts'

export interface EmbeddedBusOptions {
  /** `http://127.0.0.1:7070` */
  readonly url: string
  /** Deadline of every call but the waiting receive. Default 2000. */
  readonly timeoutMs?: number
  /** For tests: how long a failed message waits before its next try. */
  readonly retryDelaysMs?: readonly number[]
  /** Between two tries of a handler whose store is down. Default 1000. */
  readonly probeMs?: number
}

const WAIT_MS = 10_000
const NONE_REFUSED: Refused = new Map()
const CHUNK = 100

export function embeddedBus (options: EmbeddedBusOptions): Bus {
  const call = caller(options.url, options.timeoutMs ?? 2000)
  const consumers = new Set<() => Promise<void>>()
  const post = async (path: string, messages: readonly Outgoing[]): Promise<Refused> => {
    for (let at = 0; at < messages.length; at += CHUNK) await call('POST', path, { messages: messages.slice(at, at + CHUNK) })
    return NONE_REFUSED
  }
  return {
    description: `embedded ${options.url}`,
    provision: async (queue, subscriptions) => {
      for (const { topic, types } of subscriptions) {
        await call('PUT', `/topics/${topic}/subscriptions/${queue}`, { types })
      }
    },
    publish: (topic, messages) => post(`/topics/${topic}`, messages),
    send: (queue, messages) => post(`/queues/${queue}`, messages),
    consume: (queue, handler, consumeOptions) => {
      const stop = consume(call, queue, handler, { ...options, ...consumeOptions })
      consumers.add(stop)
      return async () => {
        consumers.delete(stop)
        await stop()
      }
    },
    dlq: queue => deadLetters(call, queue),
    stats: queue => call('GET', `/queues/${queue}`) as Promise<QueueStat>,
    close: async () => { await Promise.all([...consumers].map(stop => stop())) }
  }
}

type Call = (method: string, path: string, body?: unknown, options?: { signal?: AbortSignal, waitMs?: number }) =>
  Promise<unknown>

function caller (url: string, timeoutMs: number): Call {
  return async (method, path, body, options = {}) => {
    const deadline = AbortSignal.timeout(timeoutMs + (options.waitMs ?? 0))
    const signal = options.signal === undefined ? deadline : AbortSignal.any([deadline, options.signal])
    try {
      const response = await fetch(url + path, { method, signal, ...(body === undefined ? {} : {
        body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }) })
      const answer = await response.json() as unknown
      if (!response.ok) throw new Error(`${response.status} ${JSON.stringify(answer).slice(0, 300)}`)
      return answer
    } catch (cause) {
      throw messagingError('E_BUS_DOWN', [url, reason(cause)], { where: `${method} ${path}`, cause })
    }
  }
}

/** fetch says "fetch failed" and keeps the reason in the cause. */
function reason (error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? error.cause.message : error.message
}

function deadLetters (call: Call, queue: string): DeadLetters {
  const count = async (answer: Promise<unknown>) => (await answer as { count: number }).count
  return {
    list: async limit => (await call('GET', `/queues/${queue}/dead?limit=${limit}`) as
      { items: Awaited<ReturnType<DeadLetters['list']>> }).items,
    redrive: ids => count(call('POST', `/queues/${queue}/dead/redrive`, { ids })),
    drop: ids => count(call('POST', `/queues/${queue}/dead/drop`, { ids }))
  }
}

/** Keeps up to `lanes` messages at work; a lane's next message is received only after its last one was settled. */
function consume (
  call: Call, queue: string, handler: Handler, options: EmbeddedBusOptions & ConsumeOptions
): () => Promise<void> {
  const lanes = options.lanes ?? 16
  // Short, because a killed consumer's messages wait this long; the heartbeat keeps a slow handler's message its own.
  const visibilityMs = options.visibilityMs ?? 5000
  const stopping = new AbortController()
  const working = new Set<Promise<void>>()
  const settle = settler(call, queue)

  const work = async (message: Received): Promise<void> => {
    const verdict = await handle(handler, { envelope: JSON.parse(message.body) as Envelope,
      receiveCount: message.receiveCount }, {
      probeMs: options.probeMs ?? 1000,
      signal: stopping.signal,
      extendEveryMs: visibilityMs / 3,
      extend: async () => {
        await call('POST', `/queues/${queue}/extend`, { group: message.group, receipt: message.receipt, ms: visibilityMs })
      },
      ...(options.retryDelaysMs === undefined ? {} : { delaysMs: options.retryDelaysMs })
    })
    await settle(message, verdict)
  }

  const start = (message: Received): void => {
    const job = work(message).finally(() => { working.delete(job) })
    working.add(job)
  }

  const loop = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      if (working.size >= lanes) {
        await Promise.race(working)
        continue
      }
      try {
        const answer = await call('POST', `/queues/${queue}/receive`,
          { max: Math.min(lanes - working.size, 100), waitMs: WAIT_MS, visibilityMs },
          { signal: stopping.signal, waitMs: WAIT_MS })
        for (const message of (answer as { messages: Received[] }).messages) start(message)
      } catch {
        // The bus is down or we are stopping; the relay and the health page tell of the former.
        await delay(200, undefined, { signal: stopping.signal }).catch(() => {})
      }
    }
  }

  const running = loop()
  return async () => {
    stopping.abort()
    await running
    await Promise.all(working)
  }
}

/** Collects the verdicts of one turn into one call. A verdict that is lost comes back as a second delivery. */
function settler (call: Call, queue: string): (message: Received, verdict: Verdict) => Promise<void> {
  let batch: Settlement[] = []
  let flushed: Promise<void> | undefined
  const flush = async (): Promise<void> => {
    await new Promise(resolve => { setImmediate(resolve) })
    const settlements = batch
    batch = []
    flushed = undefined
    for (let at = 0; at < settlements.length; at += CHUNK) {
      await call('POST', `/queues/${queue}/settle`, { settlements: settlements.slice(at, at + CHUNK) }).catch(() => {})
    }
  }
  return (message, verdict) => {
    batch.push({ group: message.group, receipt: message.receipt, verdict: verdict.kind,
      ...(verdict.kind === 'retry' ? { delayMs: verdict.delayMs } : {}),
      ...(verdict.kind === 'done' ? {} : { error: verdict.error }) })
    flushed ??= flush()
    return flushed
  }
}
