/** A service as a test handles it: time passes until what is asked of it is done. */
import type { Emitter } from '../emitter.ts'
import type { Messaging } from '../messaging.ts'
import type { Tx } from '../store/store.ts'
import type { HttpAnswer, HttpRequest } from './http-door.ts'
import type { CrashKind } from './machine.ts'
import type { ServiceNode } from './service-node.ts'
import { durationMs, type World } from './world.ts'

/** As long as a client waits for an answer. */
const ANSWER_MS = 15_000

export class Service<T extends Tx> {
  readonly #world: World
  readonly #node: ServiceNode<T>

  constructor (world: World, node: ServiceNode<T>) {
    this.#world = world
    this.#node = node
  }

  /** Its messaging, of the life that runs. */
  get messaging (): Messaging<T> {
    return this.#node.messaging
  }

  /** Runs a command. */
  tx<Value> (fn: (tx: T, emit: Emitter) => Promise<Value>): Promise<Value> {
    return this.#world.run(() => this.#node.messaging.tx(fn))
  }

  /** Asks its HTTP routes. Rejects when there is no answer within 15 s. */
  ask (request: HttpRequest): Promise<HttpAnswer> {
    return this.#world.run(() => this.#world.ask(this.#world.outside, this.#node.name, request, ANSWER_MS))
  }

  /** Ends it cleanly, as SIGTERM does. */
  stop (): Promise<void> {
    return this.#world.run(() => this.#node.stop())
  }

  start (): Promise<void> {
    return this.#world.run(() => this.#node.start())
  }

  /** Ends it in the middle of whatever it is doing, and starts it anew with what its disk has kept. */
  async crash (how: CrashKind = 'kill'): Promise<void> {
    this.#node.crash(how)
    await this.start()
  }

  /** For so long it does nothing, as after SIGSTOP. */
  standStill (time: string | number): void {
    this.#node.machine.standStill(durationMs(time))
  }

  /** Sets its wall clock wrong, by so many milliseconds forth or back; 0 sets it right. */
  setClockWrong (ms: number): void {
    this.#node.machine.wallOffsetMs = ms
  }
}
