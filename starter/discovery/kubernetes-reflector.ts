/**
 * Keeps a copy of one Kubernetes collection: list, then watch from the list's version on, for ever.
 *
 * The copy outlives the API: while the server is away the last known objects stay, and the first list after its
 * return replaces them in one step. Which of the two happens next is decided here only:
 *
 * - the server ended the watch (it does so every few minutes): watch again from the last version seen
 * - the version is too old (410 Gone, as an answer or inside the watch): list again, at once
 * - anything else failed: list again after a growing, jittered delay
 */
import { BreakwaterError } from '../errors.ts'
import type { KubernetesApi, KubernetesObject, WatchEvent } from './kubernetes-api.ts'

export interface ReflectorOptions {
  readonly api: KubernetesApi
  /** `/apis/discovery.k8s.io/v1/namespaces/demo/endpointslices` */
  readonly path: string
  readonly labelSelector?: string
  /** The whole collection, after each list. */
  readonly onReplace: (objects: readonly KubernetesObject[]) => void
  readonly onChange: (object: KubernetesObject, gone: boolean) => void
  /** True when the server answers, false when the copy may be stale; the reason comes with false. */
  readonly onConnected: (connected: boolean, cause?: unknown) => void
  /** 0 <= x < 1; spreads the retries of many clients. @default Math.random */
  readonly random?: () => number
  /** @default a timer */
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<void>
}

const FIRST_DELAY_MS = 200
const MAX_DELAY_MS = 30_000
const PAGE_SIZE = '500'
/** The server ends a watch after this plus up to as much again, so that clients do not return all at once. */
const WATCH_SECONDS = 240

/** A watch that lived this long shows a server in health: the delays start anew. An event alone does not. */
const HEALTHY_MS = 5_000

/** Runs until the signal aborts; resolves then. */
export async function reflect (options: ReflectorOptions, signal: AbortSignal): Promise<void> {
  const { random = Math.random, sleep = timer } = options
  const health = { failures: 0 }
  while (!signal.aborted) {
    try {
      const version = await listAll(options, signal)
      options.onConnected(true)
      await watchOn(options, version, random, health, signal)
    } catch (cause) {
      if (signal.aborted) return
      if (!isExpired(cause)) options.onConnected(false, cause)
      // The first 410 after a healthy watch is the ordinary course; one that repeats must not become a busy loop.
      if (!isExpired(cause) || health.failures > 0) await sleep(delayMs(health.failures, random), signal)
      health.failures++
    }
  }
}

function delayMs (failures: number, random: () => number): number {
  const ceiling = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(failures, 16))
  return ceiling / 2 + random() * ceiling / 2
}

/** All pages of one list are one state at one version; a change of the collection in between does not show. */
async function listAll (options: ReflectorOptions, signal: AbortSignal): Promise<string> {
  const objects: KubernetesObject[] = []
  let next: string | undefined
  for (;;) {
    const page = await options.api.list(options.path, query(options, {
      limit: PAGE_SIZE, ...next !== undefined && { continue: next }
    }), signal)
    for (const item of page.items) objects.push(item)
    next = page.metadata.continue
    if (next === undefined || next === '') {
      options.onReplace(objects)
      return page.metadata.resourceVersion
    }
  }
}

/** Returns only by throwing: 410, a broken connection, or the abort. */
async function watchOn (options: ReflectorOptions, from: string, random: () => number, health: { failures: number },
  signal: AbortSignal): Promise<void> {
  let version = from
  while (!signal.aborted) {
    let events = 0
    const seconds = String(Math.round(WATCH_SECONDS * (1 + random())))
    const settings = { resourceVersion: version, allowWatchBookmarks: 'true', timeoutSeconds: seconds }
    const startedAt = performance.now()
    await options.api.watch(options.path, query(options, settings), (event) => {
      version = apply(options, event) ?? version
      events++
    }, signal)
    if (performance.now() - startedAt >= HEALTHY_MS) {
      health.failures = 0
      continue
    }
    // A server (or a proxy before it) that ends every watch at once must not be asked in a busy loop.
    if (events === 0) throw new Error('the watch ended at once, without an event')
    await (options.sleep ?? timer)(delayMs(health.failures++, random), signal)
  }
}

function apply (options: ReflectorOptions, event: WatchEvent): string | undefined {
  if (event.type === 'ERROR') throw new WatchError(event.object.code ?? 0, event.object.message ?? 'no message')
  if (event.type !== 'BOOKMARK') options.onChange(event.object, event.type === 'DELETED')
  return event.object.metadata?.resourceVersion
}

/** The server reports the end of a watch inside it, with HTTP status 200 already sent. */
class WatchError extends Error {
  readonly statusCode: number

  constructor (statusCode: number, message: string) {
    super(message)
    this.name = 'WatchError'
    this.statusCode = statusCode
  }
}

function isExpired (cause: unknown): boolean {
  return (cause instanceof WatchError && cause.statusCode === 410) ||
    (cause instanceof BreakwaterError && cause.code === 'E_KUBERNETES_EXPIRED')
}

function query (options: ReflectorOptions, more: Record<string, string>): Record<string, string> {
  return { ...options.labelSelector !== undefined && { labelSelector: options.labelSelector }, ...more }
}

function timer (ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const handle = setTimeout(done, ms)
    signal.addEventListener('abort', done, { once: true })
    function done (): void {
      clearTimeout(handle)
      signal.removeEventListener('abort', done)
      resolve()
    }
  })
}
