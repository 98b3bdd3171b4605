/**
 * Services and the bus between them in one process, under virtual time. What is tested is the product's own: messaging,
 * relay, sagas, projections, SQL, the book of the bus and its consumers. Only clock, network and the flush of disks are
 * stand-ins, and they are ruled by a seed: the same seed gives the same run.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { toDurationMs } from '@breakwater/starter/settings'
import type { Outgoing } from '../bus/bus.ts'
import type { Envelope } from '../envelope.ts'
import type { Tx } from '../store/store.ts'
import { BusNode } from './bus-node.ts'
import { Deliveries, type DeliveryHarm } from './deliveries.ts'
import type { HttpAnswer, HttpRequest } from './http-door.ts'
import { Network, type Caller, type NetworkHarm } from './network.ts'
import { createRandom, type Random } from './random.ts'
import { remoteBroker } from './remote-broker.ts'
import { Scheduler, type Owner } from './scheduler.ts'
import { ServiceNode, type AnyService, type ServiceDefinition } from './service-node.ts'
import { Trace } from './trace.ts'
import { EPOCH_MS } from './virtual-clock.ts'

/** How bad network and bus are. */
export type Harm = DeliveryHarm & NetworkHarm

export interface WorldOptions {
  /** @default 1 */
  readonly seed?: number
  /** @default calm: whatever is sent arrives within a millisecond, once and in order */
  readonly harm?: 'calm' | 'rough' | Partial<Harm>
  /** How many lines of its trace are kept. @default 0 */
  readonly traceLines?: number
}

/** A line of a service's log. */
export interface LogLine {
  readonly atMs: number
  readonly service: string
  readonly level: 'info' | 'warn' | 'error'
  readonly fields: object
  readonly text: string
}

/** A message that the bus has taken. The same one again, resent or replayed, has another dedupe id. */
export interface SentMessage {
  readonly atMs: number
  /** Topic or queue. */
  readonly dest: string
  readonly dedupe: string
  readonly envelope: Envelope
}

const CALM: Harm = { duplicate: 0, reorder: 0, drop: 0, holdMs: 10_000, latencyMs: 1, loss: 0, twice: 0 }
const ROUGH: Harm = { duplicate: 0.2, reorder: 0.2, drop: 0.1, holdMs: 10_000, latencyMs: 50, loss: 0.02, twice: 0.02 }

/** Longer than anything takes but a wait that somebody wants. */
const PATIENCE_MS = 600_000

export class World {
  readonly random: Random
  readonly trace: Trace
  readonly scheduler: Scheduler
  readonly network: Network
  readonly deliveries: Deliveries
  readonly bus: BusNode
  readonly services = new Map<string, AnyService>()
  /** What the services have logged. */
  readonly log: LogLine[] = []
  /** What the bus has taken. */
  readonly sent: SentMessage[] = []
  /** What was thrown where nobody catches: each would have been the end of a process. */
  readonly uncaught: string[] = []
  /** The chance that a statement of a service's takes its time, and others of its process go on meanwhile. */
  pauseChance = 0
  /** What becomes of a message on its way from a service to the bus. */
  changeSent: (message: Outgoing) => Outgoing = message => message
  /** Who acts from outside. */
  readonly outside: Owner = { name: 'outside', alive: true, stillUntilMs: 0 }
  readonly #dir: string

  constructor ({ seed = 1, harm = 'calm', traceLines = 0 }: WorldOptions = {}) {
    this.#dir = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'breakwater-world-'))
    this.random = createRandom(seed)
    this.trace = new Trace(traceLines)
    this.scheduler = new Scheduler({ random: this.random.fork('scheduler'), trace: this.trace,
      onError: (owner, error) => { this.uncaught.push(`${owner.name}: ${textOf(error)}`) } })
    this.network = new Network(this.scheduler, this.random.fork('network'))
    this.bus = new BusNode({ scheduler: this.scheduler, random: this.random.fork('bus'), dir: this.#dir,
      onError: error => { this.#note('bus', 'warn', { err: String(error) }, 'the bus could not write') } })
    this.deliveries = new Deliveries({ random: this.random.fork('deliveries'),
      bus: remoteBroker({ ...this.#toBus(), from: this.outside }),
      later: (ms, run) => { this.scheduler.after(ms, this.outside, run) } })
    this.harm(harm)
    this.bus.start()
  }

  /** Milliseconds since 1970, by a clock that is right. */
  get now (): number {
    return Math.floor(EPOCH_MS + this.scheduler.nowMs)
  }

  /** From now on network and bus are this bad. */
  harm (harm: 'calm' | 'rough' | Partial<Harm>): void {
    const { duplicate, reorder, drop, holdMs, latencyMs, loss, twice } = checked(
      harm === 'calm' ? CALM : harm === 'rough' ? ROUGH : { ...CALM, ...harm })
    Object.assign(this.deliveries.harm, { duplicate, reorder, drop, holdMs })
    Object.assign(this.network.harm, { latencyMs, loss, twice })
  }

  /** Adds a service; nothing runs yet. */
  add<T extends Tx> (name: string, definition: ServiceDefinition<T>): ServiceNode<T> {
    if (this.services.has(name)) throw new Error(`there is a service ${name} already`)
    const node = new ServiceNode<T>(name, definition, {
      scheduler: this.scheduler,
      random: this.random.fork(name),
      dir: this.#dir,
      pauseChance: () => this.pauseChance,
      bus: { ...this.#toBus(), deliveries: this.deliveries, change: message => this.changeSent(message),
        onTaken: (dest, messages) => { this.#take(dest, messages) } },
      ask: (from, service, request, timeoutMs) => this.ask(from, service, request, timeoutMs),
      log: (service, level, fields, text) => { this.#note(service, level, fields, text) }
    })
    this.services.set(name, node)
    return node
  }

  /** Lets time pass: `31s`, `10m`, `PT1H`, or milliseconds. */
  async after (time: string | number): Promise<void> {
    await this.scheduler.advance(durationMs(time))
    this.#complain()
  }

  /** Does something, and lets time pass until it is done. */
  async run<Value> (work: () => Promise<Value>, limitMs = PATIENCE_MS): Promise<Value> {
    let settled = false
    const promise = work()
    const settle = (): void => { settled = true }
    promise.then(settle, settle)
    await this.scheduler.runUntil(() => settled, limitMs, 'what was asked for')
    this.#complain()
    return promise
  }

  /** Asks a service over HTTP. Rejects when it does not answer in time. */
  ask (from: Caller, service: string, request: HttpRequest, timeoutMs: number): Promise<HttpAnswer> {
    const node = this.services.get(service)
    if (node === undefined) return Promise.reject(new Error(`there is no service ${service}`))
    return this.network.call(from, node.machine, () => node.answer(request), { timeoutMs })
  }

  /** Ends everything and removes its files. */
  close (): void {
    for (const { machine, disk } of [this.bus, ...this.services.values()]) {
      machine.process?.end('kill')
      disk?.close()
    }
    rmSync(this.#dir, { recursive: true, force: true })
  }

  #toBus () {
    return { network: this.network, bus: this.bus.machine, broker: this.bus.broker }
  }

  #take (dest: string, messages: readonly Outgoing[]): void {
    for (const { dedupe, body } of messages) {
      const envelope = JSON.parse(body) as Envelope
      this.sent.push({ atMs: this.scheduler.nowMs, dest, dedupe, envelope })
      this.trace.note(this.scheduler.nowMs, dest, `${envelope.type} of ${envelope.subject}`)
    }
  }

  #note (service: string, level: LogLine['level'], fields: object, text: string): void {
    this.log.push({ atMs: this.scheduler.nowMs, service, level, fields, text })
    // The folder is another one in each run.
    this.trace.note(this.scheduler.nowMs, service, `${level}: ${text} ${JSON.stringify(fields).replaceAll(this.#dir, '')}`)
  }

  #complain (): void {
    if (this.uncaught.length > 0) throw new Error(`nobody caught: ${this.uncaught.join('\n')}`)
  }
}

/** Throws for what is no duration. */
export function durationMs (time: string | number): number {
  const ms = typeof time === 'number' ? time : toDurationMs(time)
  if (ms === undefined || !(ms >= 0)) throw new Error(`"${time}" is no duration such as 500ms, 31s or PT1M`)
  return ms
}

function textOf (error: unknown): string {
  return error instanceof Error ? error.stack ?? String(error) : String(error)
}

/** What is mistyped would be calm, and a test of it green. */
function checked (harm: Harm): Harm {
  for (const [name, value] of Object.entries(harm)) {
    const isTime = name.endsWith('Ms')
    if (!Object.hasOwn(CALM, name)) throw new Error(`there is no harm ${name}: ${Object.keys(CALM).join(', ')}`)
    if (!(value >= 0 && (isTime || value <= 1))) {
      throw new Error(`${name} is ${value}: ${isTime ? 'milliseconds' : 'a chance, from 0 to 1'}`)
    }
  }
  return harm
}
