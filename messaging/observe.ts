/**
 * Health and metrics of a service's messaging. A bus that is away makes nobody unhealthy: commands go on, and the
 * outbox tells how long it has been. A store that takes no writes does.
 */
import type { Health, HealthIndicator } from '@breakwater/starter'
import { Counter, Gauge, type Registry } from 'prom-client'
import type { WorkState } from './background.ts'
import type { Messaging } from './messaging.ts'
import type { SagaCounts } from './saga/saga-book.ts'
import type { Tx } from './store/store.ts'

/** What a service of the starter has. */
export interface Observed {
  readonly health: Map<string, HealthIndicator>
  readonly metrics: Registry
}

/** Adds the components `store`, `bus` and `messaging` to /actuator/health, and metrics. Undefined: a replica. */
export function observe<T extends Tx> (app: Observed, current: () => Messaging<T> | undefined): void {
  app.health.set('store', async () => {
    const messaging = current()
    if (messaging === undefined) return { status: 'UP', details: { role: 'replica' } }
    await messaging.store.check()
    return { status: 'UP', details: { store: messaging.store.description } }
  })
  app.health.set('bus', () => {
    const messaging = current()
    if (messaging === undefined) return { status: 'UNKNOWN' }
    const { bus, outboxDepth, troubles } = messaging
    const details = { bus: bus.description, outbox: outboxDepth, ...(troubles.length === 0 ? {} : { troubles }) }
    return { status: messaging.busUp ? 'UP' : 'UNKNOWN', details }
  })
  app.health.set('messaging', () => {
    const messaging = current()
    if (messaging === undefined) return { status: 'UNKNOWN' }
    const { status, details } = workHealth(messaging.work)
    return { status, details: { ...details, sagaDeadlineFailures: messaging.deadlineFailures } }
  })
  gauge(app, 'breakwater_outbox_waiting', 'Messages that the bus has not taken yet', () => current()?.outboxDepth ?? 0)
  gauge(app, 'breakwater_outbox_refused', 'Messages that the bus will never take, set aside',
    async () => await current()?.store.outbox.refused.count() ?? 0)
  gauge(app, 'breakwater_bus_up', '1 while the bus takes messages', () => current()?.busUp === true ? 1 : 0)
  counter(app, 'breakwater_messages_held_back_total', 'Deliveries left to a newer version of the service', 'type',
    () => [...current()?.held.counts ?? []])
  counter(app, 'breakwater_messages_failed_total', 'Tries of messages that failed and are repeated', 'type',
    () => [...current()?.failures.tries ?? []])
  counter(app, 'breakwater_messages_dead_total', 'Messages that became dead letters', 'type',
    () => [...current()?.failures.dead ?? []])
  observeWork(app, () => current()?.work ?? [])
  observeSagas(app, current)
}

/** In a row: the first may be the last, and what goes on needs a person. */
const DOWN_AFTER = 3

/** Down where work fails for a reason that does not go away by itself; a store or bus that is away has its own part. */
export function workHealth (work: readonly WorkState[]): Health {
  const failing = work.filter(({ failures }) => failures > 0)
  const isDown = failing.some(({ permanent, failures }) => permanent && failures >= DOWN_AFTER)
  return { status: isDown ? 'DOWN' : 'UP', details: Object.fromEntries(work.map(one => [one.name, detailOf(one)])) }
}

function detailOf ({ failures, failedAt, error }: WorkState): unknown {
  return failures === 0 ? 'ok' : { failures, failedAt: new Date(failedAt!).toISOString(), error }
}

/** Metrics of pieces of background work, by name. */
export function observeWork (app: Pick<Observed, 'metrics'>, current: () => readonly WorkState[]): void {
  const failing = new Gauge({ name: 'breakwater_work_failing', help: 'Failures in a row of background work',
    labelNames: ['work'], registers: [app.metrics],
    collect: () => { for (const { name, failures } of current()) failing.set({ work: name }, failures) } })
  counter(app, 'breakwater_work_failures_total', 'Failures of background work', 'work',
    () => current().map(({ name, failuresTotal }) => [name, failuresTotal]))
}

function observeSagas<T extends Tx> (app: Pick<Observed, 'metrics'>, current: () => Messaging<T> | undefined): void {
  const texts: Readonly<Record<keyof SagaCounts, string>> = {
    open: 'Sagas that wait for something',
    stuck: 'Open sagas that have not moved for too long',
    failing: 'Open sagas whose deadline could not be handled',
    unknown: 'Open sagas that no definition of this version knows'
  }
  const counts = shared(async () => current()?.sagas?.counts())
  for (const [name, help] of Object.entries(texts) as Array<[keyof SagaCounts, string]>) {
    gauge(app, `saga_${name}`, help, async () => (await counts())?.[name] ?? 0)
  }
  counter(app, 'saga_deadline_failures_total', 'Deadlines of sagas that could not be handled', undefined,
    () => [['', current()?.deadlineFailures ?? 0]])
}

/** One reading for all who ask while it is under way: a scrape asks for each metric, and all at once. */
function shared<Value> (read: () => Promise<Value>): () => Promise<Value> {
  let asked: Promise<Value> | undefined
  return () => asked ??= read().finally(() => { asked = undefined })
}

/** A gauge that is asked when it is scraped; NaN where it cannot be read now, so that the others are told. */
export function gauge (
  app: Pick<Observed, 'metrics'>, name: string, help: string, read: () => number | Promise<number>
): void {
  const made = new Gauge({ name, help, registers: [app.metrics], collect: async () => {
    made.set(await Promise.resolve().then(read).catch(() => NaN))
  } })
}

/** A counter that somebody else counts. */
function counter (
  app: Pick<Observed, 'metrics'>, name: string, help: string, label: string | undefined, read: () => Array<readonly [string, number]>
): void {
  const labelNames = label === undefined ? [] : [label]
  const made = new Counter({ name, help, labelNames, registers: [app.metrics], collect: () => {
    made.reset()
    for (const [value, count] of read()) made.inc(label === undefined ? {} : { [label]: value }, count)
  } })
}
