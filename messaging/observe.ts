/**
 * Health and metrics of a service's messaging. A bus that is away makes nobody unhealthy: commands go on, and the
 * outbox tells how long it has been. A store that takes no writes does.
 */
import type { HealthIndicator } from '@breakwater/starter'
import { Gauge, type Registry } from 'prom-client'
import type { Messaging } from './messaging.ts'
import type { Tx } from './store/store.ts'

/** What a service of the starter has. */
export interface Observed {
  readonly health: Map<string, HealthIndicator>
  readonly metrics: Registry
}

/** Adds the components `store` and `bus` to /actuator/health, and gauges. Undefined: a replica, which has neither. */
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
    const details = { bus: messaging.bus.description, outbox: messaging.outboxDepth }
    return { status: messaging.busUp ? 'UP' : 'UNKNOWN', details }
  })
  gauge(app, 'breakwater_outbox_waiting', 'Messages that the bus has not taken yet', () => current()?.outboxDepth ?? 0)
  gauge(app, 'breakwater_bus_up', '1 while the bus takes messages', () => current()?.busUp === true ? 1 : 0)
}

/** A gauge that is asked when it is scraped. */
export function gauge (app: Pick<Observed, 'metrics'>, name: string, help: string, read: () => number | Promise<number>): void {
  const made = new Gauge({ name, help, registers: [app.metrics], collect: async () => { made.set(await read()) } })
}
