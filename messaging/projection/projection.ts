/**
 * A read model built from another service's events, wrong at no time for longer than a look at its feed.
 *
 *   message -> prepare    what lies between it and what is here is pulled from the source
 *           -> handle     into the generation that readers have, and as far as possible into the one being built
 *   look    -> feed       what no message told: a lost delivery, a hole at a stream's end, the first fill
 *           -> retry      streams that stand still because of an event that could not be applied
 *           -> swap       readers get the new generation, once none of their documents would go back
 *           -> forget     what nobody reads any more
 *
 * Reordered, doubled and lost deliveries are thus harmless, and a rebuild takes nothing from anybody.
 */
import { Work, type WorkState } from '../background.ts'
import { systemClock, type Cancel, type Clock } from '../clock.ts'
import type { Envelope } from '../envelope.ts'
import { Transient } from '../errors.ts'
import type { MessageRoute } from '../parts.ts'
import type { SqlTx } from '../store/store.ts'
import { Applying } from './applying.ts'
import type { ProjectionParts, StreamEvent } from './feed.ts'
import { Progress, type Parked } from './progress.ts'
import { forgetObsolete, swapWhenLevel } from './rebuilding.ts'

const PAGE = 200
const SHOWN = 100

export interface ProjectionStatus {
  readonly name: string
  /** The generation that readers have. */
  readonly active: number
  readonly building: number | undefined
  /** Streams that stand still, the longest first; at most 100 of each generation. */
  readonly parked: readonly Parked[]
  /** Following the feed: a failure means that documents may be old. */
  readonly following: WorkState
}

export class Projection {
  readonly #parts: ProjectionParts
  readonly #progress: Progress
  readonly #applying: Applying
  readonly #clock: Clock
  #timer: Cancel | undefined
  #looking: Promise<void> = Promise.resolve()
  #stopped = false
  /** Whether the first row is known to be there. */
  #open = false
  readonly #following: Work

  constructor (parts: ProjectionParts) {
    this.#parts = parts
    this.#progress = new Progress(parts.name, parts.code ?? 1)
    this.#applying = new Applying(parts, this.#progress)
    this.#clock = parts.clock ?? systemClock
    this.#following = new Work(`projection ${parts.name}`, parts.log, this.#clock)
  }

  get name (): string {
    return this.#parts.name
  }

  /** How an event of the bus gets in. */
  get route (): MessageRoute<SqlTx> {
    return {
      kind: 'event',
      prepare: message => this.#missing(message),
      handle: (message, tx, _emit, prepared) => this.#handle(tx, [...prepared as StreamEvent[], eventOf(message)]),
      committed: message => { this.#parts.onApplied?.([message.subject]) }
    }
  }

  start (): void {
    this.#schedule(0)
  }

  async stop (): Promise<void> {
    this.#stopped = true
    this.#timer?.()
    await this.#looking
  }

  /** Reads everything again from the first event, beside what readers have; they get it when it has caught up. */
  async rebuild (): Promise<void> {
    await this.#parts.store.tx(async tx => {
      await this.#progress.open(tx)
      await this.#progress.build(tx)
    })
    this.#schedule(0)
  }

  /** Tries all streams that stand still now. */
  async retryParked (): Promise<void> {
    for (const generation of (await this.#progress.generations(this.#parts.store.read)).mine) {
      await this.#applying.retryParked(generation, Number.MAX_SAFE_INTEGER)
    }
  }

  async status (): Promise<ProjectionStatus> {
    const { read } = this.#parts.store
    const { active, building } = await this.#progress.generations(read)
    const parked = await Promise.all([active, ...building === undefined ? [] : [building]].map(generation =>
      this.#progress.parked(read, generation, Number.MAX_SAFE_INTEGER, SHOWN)))
    return { name: this.name, active, building, parked: parked.flat(), following: this.#following.state }
  }

  #schedule (ms: number): void {
    this.#timer?.()
    if (this.#stopped) return
    this.#timer = this.#clock.after(ms, () => {
      this.#looking = this.#looking.then(() => this.#look()).then(() => { this.#schedule(this.#parts.followMs) })
    })
  }

  async #look (): Promise<void> {
    try {
      await this.#catchUp()
      this.#following.succeeded()
    } catch (error) {
      this.#following.failed(error)
    }
  }

  async #catchUp (): Promise<void> {
    const { store } = this.#parts
    await store.tx(tx => this.#progress.open(tx))
    this.#open = true
    const generations = await this.#progress.generations(store.read)
    await this.#follow(generations.mine)
    for (const generation of generations.mine) await this.#applying.retryParked(generation)
    if (this.#stopped) return
    if (generations.mine.includes(generations.building!)) {
      const swapped = await swapWhenLevel(this.#parts, this.#progress, this.#applying, generations)
      if (swapped) this.#parts.log.info({ projection: this.name, generation: generations.building }, 'rebuilt')
    }
    await forgetObsolete(this.#parts, this.#progress, () => this.#stopped)
  }

  /** A page of each in turn: a long rebuild must not keep what readers have from going on. */
  async #follow (generations: readonly number[]): Promise<void> {
    let behind = [...generations]
    while (behind.length > 0 && !this.#stopped) {
      const still: number[] = []
      for (const generation of behind) if (await this.#followPage(generation)) still.push(generation)
      behind = still
    }
  }

  /** True when there is more. */
  async #followPage (generation: number): Promise<boolean> {
    const { store, feed, onApplied } = this.#parts
    const events = await feed(await this.#progress.position(store.read, generation), PAGE)
    if (events.length === 0 || this.#stopped) return false
    const written = await this.#applying.page(generation, events)
    onApplied?.(new Set(events.map(event => event.stream)))
    return written && events.length === PAGE
  }

  async #missing (message: Envelope): Promise<readonly StreamEvent[]> {
    if (message.aggregateversion === 1) return []
    const { store: { read }, pull } = this.#parts
    const { active } = await this.#progress.generations(read)
    const { version, parked } = await this.#progress.at(read, active, message.subject)
    if (message.aggregateversion <= version + 1 || parked) return []
    return pull(message.subject, version + 1).catch((cause: unknown) => {
      throw new Transient('the missing events could not be read', { cause })
    })
  }

  async #handle (tx: SqlTx, events: readonly StreamEvent[]): Promise<void> {
    if (!this.#open) await this.#progress.open(tx)
    const { active, building, mine } = await this.#progress.generations(tx)
    // Readers have what a newer version has built; one of its instances will take the message.
    if (!mine.includes(active)) throw new Transient(`generation ${active} belongs to a newer version`)
    const inOrder = events.toSorted((a, b) => a.version - b.version)
    await this.#applying.inOrder(tx, active, inOrder)
    if (mine.includes(building!)) await this.#applying.asFarAsPossible(tx, building!, inOrder)
  }
}

function eventOf (message: Envelope): StreamEvent {
  return { stream: message.subject, version: message.aggregateversion, type: message.type, data: message.data,
    at: Date.parse(message.time) }
}
