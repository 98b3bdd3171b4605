/** What the rows of the bus's suite stand on. */
import type { Test } from 'tap'
import { uuidv7, type Bus, type Delivery, type Outgoing } from '../index.ts'
import { toWireText } from '../schemas.ts'

export interface Bed {
  /** A bus client; several may be asked for. */
  connect (): Promise<Bus>
  /** Makes names that no other test uses. */
  readonly prefix: string
  readonly visibilityMs: number
  /** Rows this bus does otherwise, with the reason. */
  readonly differences?: Readonly<Record<string, string>>
  /** A crowd of groups, or of messages in one. Default 200; fewer where a fake takes seconds for that. */
  readonly crowd?: number
  /** Restarts the broker, when it is durable. */
  restart? (): Promise<void>
}

export function message (group: string, n: number, type = 'test.Thing.v1'): Outgoing {
  const id = uuidv7()
  const body = toWireText({ specversion: '1.0', id, source: '/test', type, subject: group,
    time: new Date().toISOString(), datacontenttype: 'application/json', aggregatetype: 'thing', aggregateversion: n,
    data: { n } })
  return { id, dedupe: id, group, type, body }
}

export function label (delivery: Delivery): string {
  return `${delivery.envelope.subject}${String(delivery.envelope.data.n)}`
}

/** What a row is given. */
export interface Rig {
  readonly bed: Bed
  readonly crowd: number
  /** A queue that no other row uses. */
  readonly queue: (bus: Bus) => Promise<string>
  /** One promise of every bus, with a client of its own. */
  readonly row: (name: string, run: (t: Test, bus: Bus) => Promise<void>) => Promise<unknown>
}

export function rigOf (t: Test, bed: Bed): Rig {
  let names = 0
  return {
    bed,
    crowd: bed.crowd ?? 200,
    queue: async bus => {
      const name = `${bed.prefix}-q${++names}-in.fifo`
      await bus.provision(name, [], `${bed.prefix}-q${names}-events.fifo`)
      return name
    },
    row: (name, run) => {
      const difference = bed.differences?.[name]
      return t.test(name, difference === undefined ? {} : { skip: difference }, async t => {
        const bus = await bed.connect()
        t.teardown(() => bus.close())
        await run(t, bus)
      })
    }
  }
}
