/** The whole of messaging in one process, under virtual time: what a test of a saga has at hand. */
import type { DeadLetter } from '../bus/bus.ts'
import type { Envelope } from '../envelope.ts'
import { DEFAULTS, queueOf } from '../options.ts'
import type { Schemas } from '../schemas.ts'
import type { KeyValueTx, Tx } from '../store/store.ts'
import { participant, type Answers } from './participant.ts'
import { becomeQuiet } from './quiet.ts'
import { SagaProbe } from './saga-probe.ts'
import { Service } from './service.ts'
import type { ServiceDefinition } from './service-node.ts'
import { World, durationMs, type Harm, type LogLine, type WorldOptions } from './world.ts'

const QUIET_MS = 600_000

export class TestWorld {
  readonly #world: World

  constructor (options: WorldOptions) {
    this.#world = new World(options)
  }

  /** Milliseconds since 1970. */
  get now (): number {
    return this.#world.now
  }

  /** What the services have logged. */
  get log (): readonly LogLine[] {
    return this.#world.log
  }

  /** The same for two runs in which the same things happened at the same moments. */
  get trace (): string {
    return this.#world.trace.hash
  }

  /** What happened last, a line each; none unless the world was made with `traceLines`. */
  get lines (): readonly string[] {
    return this.#world.trace.lines
  }

  /** Adds a service and starts it. */
  async service<T extends Tx> (name: string, definition: ServiceDefinition<T>): Promise<Service<T>> {
    const service = new Service(this.#world, this.#world.add(name, definition))
    await service.start()
    return service
  }

  /** Adds a service that only answers. `schemas` know its commands and its replies. */
  participant (name: string, schemas: Schemas, answers: Answers): Promise<Service<KeyValueTx>> {
    return this.service(name, participant(schemas, answers))
  }

  /** By the saga's id, or by its subject. */
  saga (id: string): SagaProbe {
    return new SagaProbe(this.#world, id)
  }

  /** Lets time pass: `31s`, `10m`, `PT1H`, or milliseconds. */
  after (time: string | number): Promise<void> {
    return this.#world.after(time)
  }

  /** Lets time pass until nothing moves between the services; sagas may still wait. Throws after 10 min. */
  quiet (): Promise<void> {
    return becomeQuiet(this.#world, QUIET_MS)
  }

  /** Does several things at the same time, and lets time pass until they are done. */
  run<Value> (work: () => Promise<Value>): Promise<Value> {
    return this.#world.run(work)
  }

  /** The messages of a type that the bus has taken, in its order: resent and replayed ones again. */
  messages (type: string): Envelope[] {
    return this.#world.sent.filter(({ envelope }) => envelope.type === type).map(({ envelope }) => envelope)
  }

  /** What a service could not handle. */
  deadLetters (service: string): Promise<DeadLetter[]> {
    return this.#world.run(() => this.#world.bus.broker().dead(queueOf(DEFAULTS.prefix, service), 1000))
  }

  /** Sends dead letters of a service to it again; returns how many. */
  redrive (service: string): Promise<number> {
    return this.#world.run(() => this.#world.bus.broker().redrive(queueOf(DEFAULTS.prefix, service), 'all'))
  }

  /** From now on network and bus are this bad. */
  harm (harm: 'calm' | 'rough' | Partial<Harm>): void {
    this.#world.harm(harm)
  }

  /** From now on deliveries that are chosen never arrive; the returned function ends that. */
  lose (chosen: (message: Envelope) => boolean): () => void {
    const { deliveries } = this.#world
    const before = deliveries.lose
    deliveries.lose = chosen
    return () => { deliveries.lose = before }
  }

  /** For so long the bus is away. */
  async withoutBus (time: string | number): Promise<void> {
    this.#world.bus.crash('kill')
    await this.#world.after(durationMs(time))
    this.#world.bus.start()
  }

  /** Ends everything and removes its files. */
  close (): void {
    this.#world.close()
  }
}

/**
 * Makes a world: no service yet, and a bus.
 * @example
 * const world = createWorld({ seed: 7, harm: 'rough' })
 * const shop = await world.service('shop', host => ({ store: host.openSqlStore(TABLES), ...shopParts() }))
 * await shop.tx((tx, emit) => checkOut(tx, emit, 'cart-1'))
 * await world.after('31s')
 * await world.saga('cart-1').expect({ state: 'PAYING', attempt: 1 })
 */
export function createWorld (options: WorldOptions = {}): TestWorld {
  return new TestWorld(options)
}
