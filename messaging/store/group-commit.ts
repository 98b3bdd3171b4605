/**
 * Group commit: commands that arrive while a commit is under way, or in the same turn of the event loop, share one
 * transaction and so one fsync (ten times the throughput); each in its own savepoint, so that one failing command
 * undoes nothing but itself. No timer: an idle store commits a lone command at once.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { systemClock, type Cancel, type Clock } from '../clock.ts'
import { hasCode, messagingError } from '../errors.ts'

/** The engine under the queue; all of it answers without waiting for anything but the disk. */
export interface Batch<Handle> {
  /** Starts the transaction; throws E_STORE_BUSY while the store is locked by somebody else. */
  begin (): void
  /** Opens a savepoint and hands out what the command writes through. */
  open (): Handle
  /** Ends the command: keep its writes, or undo them. The handle is dead afterwards. */
  keep (handle: Handle): void
  undo (handle: Handle): void
  /** False when the engine gave the whole transaction up by itself, as sqlite does on a full disk. */
  alive (): boolean
  /** Resolves when what was kept would survive a power cut; the event loop is free meanwhile. */
  commit (): void | Promise<void>
  rollback (): void
}

export interface GroupCommitOptions {
  readonly maxCommands: number
  /** How long a command waits for a lock that somebody else holds before it fails with E_STORE_BUSY. */
  readonly lockWaitMs: number
  /** A command that is not done by then is undone; it must be waiting for something it should not. */
  readonly commandMs: number
  /** @default the machine's */
  readonly clock?: Clock
  /** @default Math.random */
  readonly random?: () => number
}

interface Command<Handle> {
  readonly run: (handle: Handle) => Promise<unknown>
  readonly settle: (error: unknown, value?: unknown) => void
}

interface Outcome { readonly failed: boolean, readonly value: unknown }

export class GroupCommit<Handle> {
  readonly #batch: Batch<Handle>
  readonly #options: GroupCommitOptions
  readonly #clock: Clock
  #queue: Array<Command<Handle>> = []
  #draining = false

  constructor (batch: Batch<Handle>, options: GroupCommitOptions) {
    this.#batch = batch
    this.#options = options
    this.#clock = options.clock ?? systemClock
  }

  run<Value> (fn: (handle: Handle) => Promise<Value>): Promise<Value> {
    return new Promise((resolve, reject) => {
      const settle = (error: unknown, value?: unknown) => {
        if (error === undefined) resolve(value as Value)
        else reject(error as Error)
      }
      // The batch runs in the context of whoever came first; each command's log lines and calls belong to its own.
      const within = AsyncLocalStorage.snapshot()
      this.#queue.push({ run: handle => within(fn, handle), settle })
      if (this.#draining) return
      this.#draining = true
      // The next turn, not now: everything that the sockets brought in this one joins the same commit.
      void this.#clock.turn().then(() => this.#drain())
    })
  }

  async #drain (): Promise<void> {
    while (this.#queue.length > 0) {
      const commands = this.#queue.splice(0, this.#options.maxCommands)
      try {
        await this.#begin()
        const outcomes = await this.#runAll(commands)
        await this.#batch.commit()
        settleAll(commands, outcomes)
      } catch (error) {
        this.#batch.rollback()
        for (const command of commands) command.settle(error)
      }
      // Let the answers out and new requests in between two commits.
      await this.#clock.turn()
    }
    this.#draining = false
  }

  /** A held lock must not hold the event loop: ask, go away, come back with jitter. */
  async #begin (): Promise<void> {
    const { lockWaitMs, random = Math.random } = this.#options
    const deadline = this.#clock.elapsed() + lockWaitMs
    for (;;) {
      try {
        this.#batch.begin()
        return
      } catch (error) {
        const held = hasCode(error, 'E_STORE_BUSY')
        if (!held || this.#clock.elapsed() > deadline) throw error
        await this.#clock.delay(5 + random() * 20)
      }
    }
  }

  async #runAll (commands: ReadonlyArray<Command<Handle>>): Promise<Outcome[]> {
    const outcomes: Outcome[] = []
    const deadline = new Deadline(this.#clock, this.#options.commandMs)
    try {
      for (const command of commands) outcomes.push(await this.#runOne(command, deadline))
      return outcomes
    } finally {
      deadline.clear()
    }
  }

  async #runOne (command: Command<Handle>, deadline: Deadline): Promise<Outcome> {
    const handle = this.#batch.open()
    try {
      const value = await deadline.over(command.run(handle))
      this.#batch.keep(handle)
      return { failed: false, value }
    } catch (error) {
      // The transaction is gone with everybody's work in it: nobody in this batch may be told of a success.
      if (!this.#batch.alive()) throw error
      this.#batch.undo(handle)
      return { failed: true, value: error }
    }
  }
}

function settleAll<Handle> (commands: ReadonlyArray<Command<Handle>>, outcomes: readonly Outcome[]): void {
  commands.forEach((command, index) => {
    const outcome = outcomes[index]!
    if (outcome.failed) command.settle(outcome.value ?? new Error('undefined was thrown'))
    else command.settle(undefined, outcome.value)
  })
}

/** One timer for the commands of a batch, which run one after the other. */
class Deadline {
  readonly #clock: Clock
  readonly #ms: number
  #startedAt = 0
  #cancel: Cancel
  #onLate = (_error: unknown): void => {}

  constructor (clock: Clock, ms: number) {
    this.#clock = clock
    this.#ms = ms
    this.#cancel = clock.after(ms, () => { this.#look() })
  }

  over<Value> (work: Promise<Value>): Promise<Value> {
    this.#startedAt = this.#clock.elapsed()
    return new Promise((resolve, reject) => {
      this.#onLate = reject
      work.then(resolve, reject)
    })
  }

  clear (): void {
    this.#cancel()
  }

  /** Set anew only here: commands are many, and late ones are few. */
  #look (): void {
    const leftMs = this.#startedAt + this.#ms - this.#clock.elapsed()
    if (leftMs <= 0) this.#onLate(messagingError('E_TX_SLOW', [this.#ms]))
    else this.#cancel = this.#clock.after(leftMs, () => { this.#look() })
  }
}
