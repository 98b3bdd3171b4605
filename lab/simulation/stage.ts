/** A platform in a world: all samples and the bus, started again when they have ended, and what is known of the run. */
import { DEFAULTS, queueOf, type FaultPoint } from '@breakwater/messaging'
import {
  World, type AnyService, type BusNode, type CrashKind, type HttpRequest, type KeyValueDisk, type Random,
  type SqliteDisk
} from '@breakwater/messaging/testing'
import type { Entry } from '../workload/client-log.ts'
import { putRight } from './calm.ts'
import { definitionsOf, type Condition } from './definitions.ts'
import { SERVICES, type NodeName, type ServiceName, type SqliteName } from './names.ts'

const START_AGAIN_MS = 1000
/** So many statements are slow enough for something else to happen meanwhile. */
const PAUSE_CHANCE = 0.1

/** A crash that waits for its moment: behind so many events of the process, in the middle of this. */
interface Armed {
  readonly name: NodeName
  left: number
  readonly moment: string | undefined
  readonly crash: () => void
}

export class Stage {
  readonly world: World
  readonly random: Random
  /** What customers have asked and were told. */
  readonly log: Entry[] = []
  readonly users: string[] = []
  /** Accepted orders. */
  readonly orders: string[] = []
  /** The greatest version of each order that some reader was told of. */
  readonly seen = new Map<string, number>()
  /** Poison that the bus has taken, by id. */
  readonly poisoned = new Set<string>()
  /** What was seen to be wrong while it ran. */
  readonly violations: string[] = []
  /** Stock that was wrong right behind a write. */
  readonly stockViolations: string[] = []
  /** How often things happened. */
  readonly counts = new Map<string, number>()
  readonly conditions = new Map<string, Condition>(
    SERVICES.map(name => [name, { slowMs: 0, faulty: false, older: false }]))
  #armed: Armed[] = []
  /** Once it is calm nothing goes wrong any more, whatever was planned. */
  #calm = false

  constructor (seed: number, traceLines: number) {
    this.world = new World({ seed, traceLines })
    this.random = this.world.random.fork('stage')
    this.world.pauseChance = PAUSE_CHANCE
    const definitions = definitionsOf(name => this.conditions.get(name)!, path => {
      if (/^\/internal\/streams\/order\/.+\?from=/.test(path)) this.count('gaps of the read model filled')
    })
    this.world.add('users', definitions.users)
    this.world.add('orders', definitions.orders)
    this.world.add('inventory', definitions.inventory)
    this.world.add('payments', definitions.payments)
    this.world.add('order-history', definitions['order-history'])
  }

  async start (): Promise<void> {
    await this.world.run(() => Promise.all([...this.world.services.values()].map(service => service.start())))
    const inventory = this.world.services.get('inventory')!.disk as KeyValueDisk
    inventory.onWrite = writes => { this.#watchStock(writes) }
  }

  node (name: NodeName): AnyService | BusNode {
    return name === 'bus' ? this.world.bus : this.world.services.get(name)!
  }

  sqlite (name: SqliteName): SqliteDisk {
    return this.node(name).disk as SqliteDisk
  }

  queue (name: ServiceName): string {
    return queueOf(DEFAULTS.prefix, name)
  }

  count (what: string, by = 1): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + by)
  }

  note (who: string, text: string): void {
    this.world.trace.note(this.world.scheduler.nowMs, who, text)
  }

  after (ms: number, run: () => void): void {
    this.world.scheduler.after(ms, this.world.outside, run)
  }

  /** Begins something that ends by itself, and at the latest when it becomes calm. */
  during (ms: number, begin: () => void, end: () => void): void {
    if (this.#calm) return
    begin()
    this.after(ms, end)
  }

  ask (service: ServiceName, request: HttpRequest, timeoutMs: number) {
    return this.world.ask(this.world.outside, service, request, timeoutMs)
  }

  /** Ends the process behind so many of its events, and if it is said in the middle of what its store does then. */
  crashAfter (name: NodeName, events: number, moment: string | undefined, crash: () => void): void {
    this.#armed.push({ name, left: events, moment, crash })
  }

  /** Ends it when it passes the named point for the given time. */
  crashAtPoint (name: ServiceName, point: FaultPoint, passes: number, crash: () => void): void {
    const service = this.world.services.get(name)!
    let left = passes
    service.onFaultPoint = passed => {
      if (passed !== point || --left > 0) return
      service.onFaultPoint = () => {}
      this.count(`crash: ${point}`)
      crash()
    }
  }

  crash (name: NodeName, how: CrashKind, downMs: number): void {
    const node = this.node(name)
    if (this.#calm || node.machine.process === undefined) return
    this.count(`crash: ${this.#momentOf(name)}`)
    const lost = node.crash(how)
    if (lost > 0) this.count('commits torn by a power cut')
    this.note(name, `${how}${lost > 0 ? `, ${lost} bytes of the log are lost` : ''}`)
    this.after(downMs, () => { this.startAgain(name) })
  }

  /** Ends it cleanly, and starts it again. */
  restart (name: ServiceName, downMs: number): void {
    const node = this.node(name)
    if (this.#calm || !node.running) return
    this.note(name, 'is stopped')
    node.stop().then(() => { this.after(downMs, () => { this.startAgain(name) }) }, (error: unknown) => {
      this.violations.push(`STOP ${name} could not be stopped: ${String(error)}`)
    })
  }

  /** What has to be known behind each event. */
  stepped (owner: string): void {
    for (const armed of this.#armed.filter(({ name }) => name === owner)) {
      armed.left--
      const { name, left, moment } = armed
      if (left > 0 || (moment !== undefined && this.node(name).disk?.moment !== moment)) continue
      this.#armed = this.#armed.filter(other => other !== armed)
      armed.crash()
    }
  }

  /** From now on nothing goes wrong any more, whatever was planned. */
  calm (): void {
    this.#calm = true
    this.#armed = []
    for (const service of this.world.services.values()) service.onFaultPoint = () => {}
    putRight(this)
  }

  /** Starts what does not run, until it does. */
  startAgain (name: NodeName): void {
    const node = this.node(name)
    if (node.machine.process !== undefined) return
    this.note(name, 'starts')
    Promise.resolve().then(() => node.start()).catch((error: unknown) => {
      this.note(name, `cannot start: ${String(error)}`)
      this.count('starts that failed')
      this.after(START_AGAIN_MS, () => { this.startAgain(name) })
    })
  }

  #watchStock (writes: ReadonlyMap<string, string | undefined>): void {
    for (const [key, text] of writes) {
      if (!key.startsWith('state/sku/')) continue
      const { onHand, reserved } = JSON.parse(text ?? '{}') as { onHand: number, reserved: number }
      if (!(onHand >= 0 && reserved >= 0 && reserved <= onHand)) this.stockViolations.push(`${key} ${text}`)
    }
  }

  /** What a process was doing when it ended. */
  #momentOf (name: NodeName): string {
    const node = this.node(name)
    if (!node.running) return 'starting or stopping'
    return node.disk?.moment ?? 'between two events'
  }
}
