/**
 * One run from its plan:
 *
 *   start   three registries, their readers, and the clients
 *   busy    clients come, change and go, operators speak, and one harm follows the other
 *   equal   5 s after the last harm all registries and all readers say the same
 *   right   once leases are over, what they say is what was answered
 *
 * All the time no reader misses an instance that lives and has said so.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { createRandom, type Random } from '@breakwater/messaging/testing'
import { checkRight, differences, some } from './checks.ts'
import { Client, LEASE_SECS } from './client.ts'
import { RegistryCluster } from './cluster.ts'
import { closeConnections } from './http.ts'
import { operate } from './operator.ts'
import { Missing } from './missing.ts'
import type { Plan } from './plan.ts'
import { Reader, readList } from './views.ts'

export interface RunOptions {
  readonly instances: number
  /** How long a registry stands still. */
  readonly stillMs: number
  readonly folder: string
  readonly say: (text: string) => void
}

export interface RunResult {
  readonly violations: readonly string[]
  readonly counts: ReadonlyMap<string, number>
  /** From the end of the last harm until all said the same. */
  readonly equalMs: number
}

const EQUAL_MS = 5000
/** Leases end, and who was protected as a registry was cut off is protected for a minute. */
const RIGHT_MS = LEASE_SECS * 1000 + 75_000
/** For so long a reader goes on believing in what a registry that began anew does not know. */
const BELIEVED_MS = 95_000
const LOOK_MS = 500
const STEP_MS = 50
const START_AT_ONCE = 50

export async function runPlan (plan: Plan, { instances, stillMs, folder, say }: RunOptions): Promise<RunResult> {
  const cluster = new RegistryCluster(folder, stillMs)
  const random = createRandom(plan.seed).fork('clients')
  const clients: Client[] = []
  const readers: Reader[] = []
  const missing = new Missing()
  const watch = setInterval(() => {
    missing.look(clients, readers.filter(({ follows }) => follows !== undefined && !cluster.isDeaf(follows)))
  }, LOOK_MS)
  try {
    await cluster.start()
    clients.push(...Array.from({ length: instances }, (_, n) => new Client(cluster, n)))
    readers.push(...cluster.urls.map((_url, at) => new Reader(`reader ${at}`)))
    const { urls } = cluster
    await Promise.all(readers.map((reader, at) => reader.start([...urls.slice(at), ...urls.slice(0, at)])))
    await startAll(clients)
    say(`${instances} instances are registered`)
    const busy = beBusy(cluster, random, clients)
    for (const harm of plan.harms) {
      say(`${harm.kind} at registry ${harm.at}`)
      await cluster.harm(harm)
      await sleep(harm.pauseMs)
    }
    await busy.stop()
    const equal = await within(EQUAL_MS, () => checkEqual(cluster, readers, clients))
    say(`equal after ${equal.ms} ms`)
    const right = await within(RIGHT_MS, () => checkAllRight(cluster, clients))
    const last = await within(BELIEVED_MS, () => checkEqual(cluster, readers, []))
    const found = [equal, right, last].flatMap(({ violations }) => violations)
    const violations = [...found, ...some(missing.found), ...cluster.crashes]
    return { violations, counts: cluster.counts, equalMs: equal.ms }
  } finally {
    clearInterval(watch)
    for (const client of clients) client.die()
    await Promise.all(readers.map(reader => reader.stop()))
    await cluster.stop()
    closeConnections()
  }
}

async function startAll (clients: readonly Client[]): Promise<void> {
  for (let at = 0; at < clients.length; at += START_AT_ONCE) {
    await Promise.all(clients.slice(at, at + START_AT_ONCE).map(client => client.start()))
  }
}

/** Something happens every few milliseconds; `stop` resolves when all of it was answered or given up. */
function beBusy (cluster: RegistryCluster, random: Random, clients: readonly Client[]): { stop (): Promise<void> } {
  const under = new Set<Promise<unknown>>()
  const timer = setInterval(() => {
    const client = random.pick(clients)
    const step = doSomething(cluster, random, client).finally(() => { under.delete(step) })
    under.add(step)
  }, STEP_MS)
  return {
    async stop () {
      clearInterval(timer)
      await Promise.all(under)
    }
  }
}

function doSomething (cluster: RegistryCluster, random: Random, client: Client): Promise<void> {
  if (!client.up) return client.start()
  // Few end: when one in seven does not renew, registries protect them all, and rightly.
  const what = random.below(20)
  if (what === 0) return client.stop()
  if (what === 1) return Promise.resolve(client.die())
  return what < 6 ? client.change(random.pick(['UP', 'DOWN'])) : operate(cluster, random, client)
}

/** Who died is left out while leases may still run: each registry counts for itself. */
async function checkEqual (
  cluster: RegistryCluster, readers: readonly Reader[], clients: readonly Client[]
): Promise<string[]> {
  const gone = new Set(clients.filter(({ up }) => !up).map(({ id }) => id))
  const [first, ...others] = await Promise.all(cluster.urls.map(readList))
  return some([
    ...others.flatMap((list, at) => differences(first!, list, gone).map(text => `AGREE registry ${at + 1}: ${text}`)),
    ...readers.flatMap((reader, at) => differences(first!, reader.views(), gone).map(text => `READER ${at}: ${text}`))
  ])
}

async function checkAllRight ({ urls, history }: RegistryCluster, clients: readonly Client[]): Promise<string[]> {
  const lists = await Promise.all(urls.map(readList))
  return some(lists.flatMap((list, at) => checkRight(clients, list, history).map(text => `registry ${at}: ${text}`)))
}

/** Asks again until nothing is found, or the time is up. */
async function within (ms: number, check: () => Promise<string[]>): Promise<{ violations: string[], ms: number }> {
  const from = performance.now()
  for (;;) {
    const startedAt = performance.now() - from
    const violations = await check().catch((failure: unknown) => [`LIST ${String(failure)}`])
    if (violations.length === 0 || startedAt > ms) return { violations, ms: Math.round(startedAt) }
    await sleep(100)
  }
}
