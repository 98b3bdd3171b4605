/** What two registries say differently, by their lists: so it can be asked of Spring's servers, too. */
import { setTimeout as sleep } from 'node:timers/promises'
import { call, type Target } from './calls.ts'

/** `field` is `instance` where one of the two has it not at all. */
export interface Difference {
  readonly app: string
  readonly id: string
  readonly field: string
  readonly here: string | undefined
  readonly there: string | undefined
}

type Wire = Readonly<Record<string, unknown>>

/** Each registry's own: when it was told, and how its lease goes. */
const OWN = new Set(['lastUpdatedTimestamp', 'actionType', 'leaseInfo', '@class'])
/** What is on its way arrives meanwhile. */
const SETTLE_MS = 1500

/** Those that are still there after a while; what is only on its way is none. */
export async function differencesOf (here: Target, there: Target): Promise<Difference[]> {
  const first = await compareOnce(here, there)
  if (first.length === 0) return []
  await sleep(SETTLE_MS)
  const before = new Set(first.map(({ app, id }) => `${app} ${id}`))
  return (await compareOnce(here, there)).filter(({ app, id }) => before.has(`${app} ${id}`))
}

async function compareOnce (here: Target, there: Target): Promise<Difference[]> {
  const [a, b] = await Promise.all([here, there].map(instancesOf))
  return compareLists(a!, b!)
}

/** One difference for each field of each instance. Pure. */
export function compareLists (here: ReadonlyMap<string, Wire>, there: ReadonlyMap<string, Wire>): Difference[] {
  return [...new Set([...here.keys(), ...there.keys()])].toSorted().flatMap(key => {
    const [a, b] = [here.get(key), there.get(key)]
    const { app, id } = named((a ?? b)!)
    if (a === undefined || b === undefined) {
      return [{ app, id, field: 'instance', here: a && String(a.status), there: b && String(b.status) }]
    }
    return [...new Set([...Object.keys(a), ...Object.keys(b)])].filter(field => !OWN.has(field))
      .map(field => ({ app, id, field, here: textOf(a[field]), there: textOf(b[field]) }))
      .filter(difference => difference.here !== difference.there)
  })
}

async function instancesOf (target: Target): Promise<Map<string, Wire>> {
  const { applications } = await call<{ applications: { application: ReadonlyArray<{ instance: Wire[] }> } }>(
    target, 'eureka/apps')
  return new Map(applications.application.flatMap(({ instance }) => instance).map(one => {
    const { app, id } = named(one)
    return [`${app} ${id}`, one]
  }))
}

function named ({ app, instanceId, hostName }: Wire): { app: string, id: string } {
  return { app: String(app), id: String(instanceId ?? hostName) }
}

/** Whatever the order of the keys. */
function textOf (value: unknown): string | undefined {
  if (typeof value === 'string' || value === undefined) return value
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  return JSON.stringify(Object.fromEntries(Object.entries(value).filter(([key]) => !OWN.has(key))
    .toSorted(([a], [b]) => a < b ? -1 : 1)))
}
