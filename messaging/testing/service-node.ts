/** A service of a world: what it is made of, and its life, which may end and begin again at any moment. */
import type { FastifyInstance } from 'fastify'
import type { Clock } from '../clock.ts'
import { brokerBus } from '../bus/embedded/client.ts'
import type { NewId } from '../envelope.ts'
import type { FaultPoint } from '../faults.ts'
import { Messaging } from '../messaging.ts'
import type { Logger, MessagingParts } from '../parts.ts'
import { DEFAULTS, type MessagingOptions } from '../options.ts'
import type { SagaBook } from '../saga/saga-book.ts'
import type { KeyValueStore } from '../store/key-value-store.ts'
import type { SqlStore } from '../store/sqlite.ts'
import type { Tx } from '../store/store.ts'
import { HttpDoor, type HttpAnswer, type HttpRequest } from './http-door.ts'
import { KeyValueDisk } from './key-value-disk.ts'
import { Machine, type CrashKind, type Process } from './machine.ts'
import { pausingKeyValue, pausingSql } from './pausing-store.ts'
import type { Random } from './random.ts'
import { remoteBroker, type RemoteBrokerParts } from './remote-broker.ts'
import type { Scheduler } from './scheduler.ts'
import { SqliteDisk } from './sqlite-disk.ts'

/** What a service finds where it starts, in the place of settings, sockets and the machine. */
export interface Host {
  readonly clock: Clock
  /** From 0 up to, but not, 1. */
  readonly random: () => number
  readonly newId: NewId
  readonly log: Logger
  /** The service's relational store; what an earlier life has written is there. */
  openSqlStore (tables: string): SqlStore
  /** The same, key by key. */
  openKeyValueStore (): KeyValueStore
  /** Asks another service. Rejects when it does not answer in time. */
  ask (service: string, request: HttpRequest, timeoutMs: number): Promise<HttpAnswer>
}

/** Work of a service beside its messaging, a projection for example. */
export interface BesideWork {
  start (): void
  stop (): Promise<void>
}

type Given = 'service' | 'bus' | 'options' | 'log' | 'faults' | 'clock' | 'newId' | 'random' | 'spans'

/** What a service is made of: its messaging but for what the world provides, its routes, and what runs beside. */
export interface ServiceParts<T extends Tx> extends Omit<MessagingParts<T>, Given> {
  /** What differs from the defaults. */
  readonly options?: Partial<MessagingOptions>
  readonly http?: (app: FastifyInstance, messaging: Messaging<T>) => void | Promise<void>
  readonly beside?: readonly BesideWork[]
}

/** Called at each start of the service. */
export type ServiceDefinition<T extends Tx> = (host: Host) => ServiceParts<T> | Promise<ServiceParts<T>>

export interface ServiceNodeParts {
  readonly scheduler: Scheduler
  readonly random: Random
  readonly dir: string
  readonly bus: Omit<RemoteBrokerParts, 'from'>
  /** The chance that a statement takes its time. */
  readonly pauseChance: () => number
  readonly ask: (from: Process, service: string, request: HttpRequest, timeoutMs: number) => Promise<HttpAnswer>
  readonly log: (service: string, level: 'info' | 'warn' | 'error', fields: object, text: string) => void
}

interface Running<T extends Tx> { readonly messaging: Messaging<T>, readonly door: HttpDoor, stop (): Promise<void> }

/** A service whatever its store is. */
export interface AnyService {
  readonly name: string
  readonly machine: Machine
  readonly disk: SqliteDisk | KeyValueDisk | undefined
  readonly running: boolean
  readonly sagas: SagaBook | undefined
  onFaultPoint: (point: FaultPoint) => void
  waiting (): Promise<number>
  start (): Promise<void>
  stop (): Promise<void>
  crash (how: CrashKind): number
  answer (request: HttpRequest): Promise<HttpAnswer>
}

export class ServiceNode<T extends Tx> implements AnyService {
  readonly machine: Machine
  /** Called at the named points of messaging between two durable steps. */
  onFaultPoint: (point: FaultPoint) => void = () => {}
  definition: ServiceDefinition<T>
  disk: SqliteDisk | KeyValueDisk | undefined
  readonly #parts: ServiceNodeParts
  #lives = 0
  #running: Running<T> | undefined

  constructor (name: string, definition: ServiceDefinition<T>, parts: ServiceNodeParts) {
    this.machine = new Machine(name, parts.scheduler)
    this.definition = definition
    this.#parts = parts
  }

  get name (): string {
    return this.machine.name
  }

  /** Of the process that runs. */
  get messaging (): Messaging<T> {
    if (this.#running === undefined) throw new Error(`${this.name} does not run`)
    return this.#running.messaging
  }

  get running (): boolean {
    return this.machine.process?.listening === true
  }

  get sagas (): SagaBook | undefined {
    return this.messaging.sagas
  }

  /** Messages in its outbox that the bus has not taken. */
  waiting (): Promise<number> {
    return this.messaging.store.outbox.count()
  }

  /** Resolves when it takes calls; rejects when it runs already, or could not start, and then nothing runs. */
  async start (): Promise<void> {
    if (this.#running !== undefined) throw new Error(`${this.name} runs already`)
    const process = this.machine.boot(this.#parts.random.fork(`life ${++this.#lives}`))
    try {
      this.#running = await this.#launch(process)
      process.listening = true
    } catch (error) {
      this.crash('kill')
      throw error
    }
  }

  /** Returns how many bytes a power cut has taken of what nobody was told of yet. */
  crash (how: CrashKind): number {
    const { process } = this.machine
    if (process === undefined) return 0
    process.end(how)
    this.#running = undefined
    return this.disk?.crash(how) ?? 0
  }

  /** As after SIGTERM. */
  async stop (): Promise<void> {
    const { process } = this.machine
    if (process === undefined) return
    process.listening = false
    await this.#running?.stop()
    process.end('kill')
    this.#running = undefined
  }

  answer (request: HttpRequest): Promise<HttpAnswer> {
    return this.#running!.door.answer(request)
  }

  async #launch (process: Process): Promise<Running<T>> {
    const { scheduler, bus } = this.#parts
    const host = this.#host(process)
    const { options, http = () => {}, beside = [], ...parts } = await this.definition(host)
    const { clock, newId, random } = process
    const messaging = new Messaging<T>({ ...parts as Omit<MessagingParts<T>, Given>, service: this.name, clock, newId,
      random, log: host.log, options: { ...DEFAULTS, ...options },
      bus: brokerBus('simulated', remoteBroker({ ...bus, from: process }), { clock, random }),
      faults: { at: point => { if (process.alive) this.onFaultPoint(point) } } })
    const door = new HttpDoor(scheduler)
    await door.open(app => http(app, messaging))
    await messaging.start()
    for (const work of beside) work.start()
    return { messaging, door, stop: async () => {
      for (const work of beside) await work.stop()
      await messaging.stop()
      await parts.store.close()
      if (this.disk instanceof SqliteDisk) this.disk.closed()
    } }
  }

  #host (process: Process): Host {
    const { dir, random, ask, log, pauseChance } = this.#parts
    const pause = () => process.random() < pauseChance() ? process.clock.turn() : undefined
    const tell = (level: 'info' | 'warn' | 'error') => (fields: object, text: string) => {
      if (process.alive) log(this.name, level, fields, text)
    }
    return {
      clock: process.clock,
      random: process.random,
      newId: process.newId,
      log: { info: tell('info'), warn: tell('warn'), error: tell('error') },
      openSqlStore: tables => {
        const disk = this.disk ?? new SqliteDisk({ dir, name: this.name, random: random.fork('disk') })
        this.disk = disk
        return pausingSql((disk as SqliteDisk).open(tables, process.clock), pause)
      },
      openKeyValueStore: () => {
        const disk = this.disk ?? new KeyValueDisk(this.name, random.fork('disk'))
        this.disk = disk
        return pausingKeyValue((disk as KeyValueDisk).open(process.clock), pause)
      },
      ask: (service, request, timeoutMs) => ask(process, service, request, timeoutMs)
    }
  }
}
