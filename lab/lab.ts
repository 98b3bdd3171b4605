/**
 * The failure lab, one run from a seed:
 *
 *   start     the platform, as real processes on free ports
 *   load      customers through the gateway, each request noted by the client
 *   harm      faults on top of each other, until the time is up
 *   quiet     everything back, and nothing under way any more (INV-0)
 *   rebuild   the read model once more from the first event
 *   check     INV-1 to INV-9, from the stores on the disk and the clients' log; that the faults had an effect; that
 *             nobody logged what no fault explains
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { createRandom } from '@breakwater/messaging/testing'
import { checkEffects } from './checks/effects.ts'
import { checkInvariants } from './checks/invariants.ts'
import { checkCrashes, checkLogs } from './checks/logs.ts'
import { waitForQuiet } from './checks/quiet.ts'
import { checkRebuild, type RebuildParts } from './checks/rebuild.ts'
import { storesOf } from './checks/stores.ts'
import { injectFaults, type Harmed } from './faults/faults.ts'
import { DISKS, Platform } from './platform/platform.ts'
import { startSharedServers } from './platform/shared-servers.ts'
import { ClientLog } from './workload/client-log.ts'
import { Workload } from './workload/workload.ts'

const REBUILD_MS = 60_000

export interface LabOptions {
  readonly seed: number
  readonly seconds: number
  readonly ordersPerSecond: number
  /** PostgreSQL and Redis in the place of the services' own files. */
  readonly shared?: boolean
  /** Where data and logs of the run are kept. */
  readonly dir: string
  readonly onProgress: (text: string) => void
}

export interface LabResult {
  readonly seed: number
  readonly violations: readonly string[]
  /** How often each fault came, and how often its effect was seen. */
  readonly faults: Readonly<Record<string, Harmed>>
  readonly facts: Readonly<Record<string, number>>
  readonly settleMs: number
}

export async function runLab (options: LabOptions): Promise<LabResult> {
  const random = createRandom(options.seed)
  mkdirSync(options.dir, { recursive: true })
  // Kept in memory, so no larger than what a run of this length writes.
  const smallDisk = { of: random.fork('disk').pick(DISKS), megabytes: 48 + Math.ceil(options.seconds / 4) }
  const servers = options.shared === true ? await startSharedServers() : undefined
  const platform = new Platform(options.dir, random.fork('bus'), { servers, ...servers === undefined ? { smallDisk } : {} })
  const log = new ClientLog(join(options.dir, 'clients.jsonl'))
  const workload = new Workload({ gateway: () => platform.url('gateway'), log, random: random.fork('workload'),
    ordersPerSecond: options.ordersPerSecond })
  const harmed = new Map<string, Harmed>()
  try {
    await platform.start()
    options.onProgress('the platform is up')
    await workload.prepare()
    const working = workload.run()
    const over = new AbortController()
    const harming = injectFaults(platform, random.fork('faults'), over.signal, harmed, options.onProgress)
    await delay(options.seconds * 1000)
    over.abort()
    await harming
    platform.proxy.calm()
    const settling = performance.now()
    await platform.revive()
    workload.stop()
    await working
    const moving = await waitForQuiet(platform)
    const settleMs = Math.round(performance.now() - settling)
    options.onProgress('quiet')
    const rebuilt = moving.length > 0 ? [] : await checkRebuild(rebuildOf(platform))
    const facts = factsOf(platform, workload, log)
    await platform.stop()
    const stores = await storesOf(platform).read()
    const { lost, poisoned } = platform.proxy
    const hangs = workload.hangs === 0 ? [] : [`INV-0 ${workload.hangs} requests had no answer within 15 s`]
    const violations = [...moving.map(what => `INV-0 not quiet: ${what}`), ...hangs, ...rebuilt,
      ...checkInvariants(stores, log.entries, { lost, poisoned }), ...workload.violations,
      ...checkEffects(harmed, stores, lost.size), ...checkLogs(options.dir, new Set(harmed.keys())),
      ...checkCrashes(options.dir, platform.processes.values())]
    const { resends, timeouts } = stores.orders
    return { seed: options.seed, violations, faults: Object.fromEntries(harmed), settleMs,
      facts: { ...facts, 'commands asked again': resends, 'steps given up': timeouts } }
  } finally {
    await platform.stop()
    await servers?.stop()
  }
}

function rebuildOf (platform: Platform): RebuildParts {
  const { documents, generation } = storesOf(platform)
  const url = () => `${platform.url('order-history')}/internal/projections/orders/rebuild`
  return { documents, generation, now: Date.now, wait: () => delay(100), maxMs: REBUILD_MS,
    ask: async () => (await fetch(url(), { method: 'POST', signal: AbortSignal.timeout(5000) })).status }
}

function factsOf (platform: Platform, workload: Workload, log: ClientLog): Record<string, number> {
  const orders = log.entries.filter(entry => entry.kind === 'order')
  return {
    'requests of clients': log.entries.length,
    'orders accepted (202)': orders.filter(entry => entry.answers.some(answer => answer.status === 202)).length,
    'tries without an answer': log.entries.reduce((sum, entry) => sum + entry.silent, 0),
    'answers "not now"': workload.refusals,
    'reads answered': workload.reads.ok,
    'reads refused': workload.reads.refused,
    'reads from the fallback': workload.reads.fallback,
    'odd requests refused': workload.probed.refused,
    'reads of a version or newer': workload.probed.versions,
    'repeated in other bytes': workload.probed.repeated,
    'processes that died': [...platform.processes.values()].reduce((sum, one) => sum + one.deaths, 0),
    'deliveries doubled': platform.proxy.done.duplicated,
    'deliveries reordered': platform.proxy.done.reordered,
    'news lost': platform.proxy.done.dropped,
    'commands and replies lost': platform.proxy.done.lost,
    'old messages sent again': platform.proxy.done.repeated,
    'messages with new fields': platform.proxy.done.changed
  }
}
