/** The end of a run: everything comes to rest, and the read model is built once more. */
import { whatMoves } from '@breakwater/messaging/testing'
import type { Look } from './look.ts'
import { readActiveGeneration, readDocumentRows } from '../checks/read-rows.ts'
import type { RebuildParts } from '../checks/rebuild.ts'
import type { Stores } from '../checks/rows.ts'
import { SERVICES } from './names.ts'
import type { Stage } from './stage.ts'
import { unanswered } from './customers.ts'

/** Longer than the longest wait of a saga that asks for ever, and of dead letters that are sent again. */
const REST_MS = 1_800_000
const LOOK_MS = 1000
const REBUILD_MS = 120_000

/** What still moves when the time is up; empty means rest. */
export async function comeToRest (stage: Stage, look: Look): Promise<string[]> {
  const { world } = stage
  const deadline = world.now + REST_MS
  for (;;) {
    const moving = [...await whatMoves(world), ...await open(stage), ...behind(look.read())]
    if (moving.length === 0 && await redriven(stage) === 0) return []
    if (world.now > deadline) return moving
    await world.after(LOOK_MS)
  }
}

async function open (stage: Stage): Promise<string[]> {
  const waiting = unanswered(stage.log).map(({ path }) => `${path} has no answer`)
  const orders = stage.world.services.get('orders')!
  if (!orders.running) return waiting
  const { open: sagas } = await stage.world.run(() => orders.sagas!.counts())
  return sagas > 0 ? [...waiting, `${sagas} sagas are open`] : waiting
}

/** What no message has told the read model, the feed of orders does, in its own time. */
function behind (stores: Stores | undefined): string[] {
  const versions = new Map(stores?.history.documents.map(({ id, version }) => [id, version]))
  const missing = stores?.orders.events.filter(({ stream, version }) => version > (versions.get(stream) ?? 0)) ?? []
  return missing.length === 0 ? [] : [`the read model lacks ${missing.length} events`]
}

/** Sends what a fault has made dead letters again, and leaves the poison where it is. */
async function redriven (stage: Stage): Promise<number> {
  const { world } = stage
  let count = 0
  for (const name of SERVICES) {
    const letters = await world.run(() => world.bus.broker().dead(stage.queue(name), 1000))
    const ids = letters.filter(({ body }) => !body.includes('"id":"poison-')).map(({ id }) => id)
    if (ids.length > 0) count += await world.run(() => world.bus.broker().redrive(stage.queue(name), ids))
  }
  stage.count('dead letters sent again', count)
  return count
}

/** The read model of the simulation, to be built once more. */
export function rebuildOf (stage: Stage, look: Look): RebuildParts {
  const { world } = stage
  const query = <Row>(sql: string) => look.rows<Row>('order-history', sql)
  const request = { method: 'POST', path: '/internal/projections/orders/rebuild' }
  return { documents: () => readDocumentRows(query), generation: () => readActiveGeneration(query),
    now: () => world.now, wait: () => world.after(LOOK_MS), maxMs: REBUILD_MS,
    ask: async () => (await world.run(() => stage.ask('order-history', request, 5000))).status }
}
