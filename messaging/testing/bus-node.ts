/** The bus of a world: the embedded bus's own book and broker, on a disk and a machine of its own. */
import type { QueueStat } from '../bus/bus.ts'
import { BookBroker, type Broker } from '../bus/embedded/broker.ts'
import { BusBook } from '../bus/embedded/book.ts'
import { BUS_TABLES } from '../bus/embedded/tables.ts'
import { Machine, type CrashKind } from './machine.ts'
import type { Random } from './random.ts'
import type { Scheduler } from './scheduler.ts'
import { SqliteDisk } from './sqlite-disk.ts'

const PURGE_MS = 30_000

export interface BusNodeParts {
  readonly scheduler: Scheduler
  readonly random: Random
  readonly dir: string
  readonly onError: (error: unknown) => void
}

export class BusNode {
  readonly machine: Machine
  readonly disk: SqliteDisk
  readonly #parts: BusNodeParts
  #lives = 0
  #broker: BookBroker | undefined
  #close: (() => Promise<void>) | undefined

  constructor (parts: BusNodeParts) {
    this.#parts = parts
    this.machine = new Machine('bus', parts.scheduler)
    this.disk = new SqliteDisk({ dir: parts.dir, name: 'bus', random: parts.random.fork('disk') })
  }

  /** Of the process that runs; who calls has found it listening. */
  readonly broker = (): Broker => this.#broker!

  start (): void {
    const { random, onError } = this.#parts
    const process = this.machine.boot(random.fork(`life ${++this.#lives}`))
    const { clock } = process
    const store = this.disk.open(BUS_TABLES, clock)
    const book = new BusBook(store, { clock, onError })
    const broker = new BookBroker(book, clock)
    const cancel = clock.every(PURGE_MS, () => { book.purge().catch(onError) })
    this.#broker = broker
    this.#close = async () => {
      cancel()
      await broker.close()
      await store.close()
      this.disk.closed()
    }
    process.listening = true
  }

  get running (): boolean {
    return this.machine.process?.listening === true
  }

  /** Of all queues. */
  stats (): Promise<QueueStat[]> {
    return this.#broker!.all()
  }

  crash (how: CrashKind): number {
    const { process } = this.machine
    if (process === undefined) return 0
    process.end(how)
    return this.disk.crash(how)
  }

  async stop (): Promise<void> {
    const { process } = this.machine
    if (process === undefined) return
    process.listening = false
    await this.#close?.()
    process.end('kill')
  }
}
