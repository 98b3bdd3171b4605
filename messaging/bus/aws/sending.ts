/**
 * Messages in batches: as many as SNS and SQS take at once, in number and in bytes, and never two of one group at the
 * same time. An entry of a batch fails by itself, and those behind it are taken: a second one of its group would have
 * overtaken it. Batches of different groups are under way side by side.
 */
import { messagingError } from '../../errors.ts'
import type { Outgoing, Refused } from '../bus.ts'
import type { FailedEntry } from './calls.ts'
import { kindOf, kindOfCode } from './failures.ts'
import { BATCH } from './limits.ts'
import { idOf } from './names.ts'

/** Calls under way for one publish or send. */
const MAX_CALLS = 8

/** All but the characters of XML 1.0. SNS takes them, and its delivery to SQS fails without a word. */
const ILLEGAL = /[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/u

type Call = (batch: readonly Outgoing[]) => Promise<readonly FailedEntry[]>

/** Sends all; returns what was refused, and rejects when nothing was taken because the bus is away or refuses us. */
export async function sendInBatches (messages: readonly Outgoing[], maxBytes: number, call: Call): Promise<Refused> {
  const sending = new Sending(messages, maxBytes, call)
  return sending.run()
}

/** Bytes that count: the body, and name, type and value of its attribute. */
export function bytesOf ({ body, type }: Outgoing): number {
  return Buffer.byteLength(body) + 'type'.length + 'String'.length + Buffer.byteLength(type)
}

/** What both services want to know of a message, beside its body; `group` is the id of its group. */
export function entryOf ({ dedupe, type }: Outgoing, at: number, group: string) {
  return { Id: String(at), MessageGroupId: group, MessageDeduplicationId: idOf(dedupe),
    MessageAttributes: { type: { DataType: 'String', StringValue: type } } }
}

class Sending {
  readonly #maxBytes: number
  readonly #call: Call
  /** What is left of each group, in order. */
  readonly #groups: Map<string, Outgoing[]>
  /** Groups of which nothing is under way. */
  readonly #ready: string[]
  readonly #refused = new Map<string, Error>()
  #taken = 0
  #calls = 0
  /** Why nothing more is sent. */
  #failure: Error | undefined

  constructor (messages: readonly Outgoing[], maxBytes: number, call: Call) {
    this.#maxBytes = maxBytes
    this.#call = call
    this.#groups = Map.groupBy(messages, message => message.group)
    this.#ready = [...this.#groups.keys()]
  }

  async run (): Promise<Refused> {
    await new Promise<void>(resolve => { this.#go(resolve) })
    if (this.#failure === undefined) return this.#refused
    if (this.#taken === 0 && this.#refused.size === 0) throw this.#failure
    for (const messages of this.#groups.values()) this.#refuseAll(messages, this.#failure)
    return this.#refused
  }

  #go (done: () => void): void {
    while (this.#failure === undefined && this.#calls < MAX_CALLS && this.#ready.length > 0) {
      const batch = this.#nextBatch()
      if (batch.length === 0) continue
      this.#calls++
      void this.#send(batch).finally(() => {
        this.#calls--
        this.#go(done)
      })
    }
    if (this.#calls === 0) done()
  }

  /** The first of as many groups as fit; one that fits with nothing goes alone. */
  #nextBatch (): Outgoing[] {
    const batch: Outgoing[] = []
    let bytes = 0
    while (batch.length < BATCH && this.#ready.length > 0) {
      const message = this.#groups.get(this.#ready[0]!)![0]!
      bytes += bytesOf(message)
      if (batch.length > 0 && bytes > this.#maxBytes) break
      this.#ready.shift()
      if (ILLEGAL.test(message.body)) this.#stop(message, messagingError('E_BUS_REFUSED', ['it has characters that SQS takes nowhere']))
      else batch.push(message)
    }
    return batch
  }

  async #send (batch: readonly Outgoing[]): Promise<void> {
    try {
      const failed = new Map((await this.#call(batch)).map(entry => [Number(entry.Id), entry]))
      for (const [at, message] of batch.entries()) this.#settle(message, failed.get(at))
    } catch (error) {
      await this.#failed(batch, error as Error)
    }
  }

  /** A call that was refused for what is in it is halved, down to the message at fault. */
  async #failed (batch: readonly Outgoing[], error: Error): Promise<void> {
    const kind = kindOf(error)
    if ('canRetry' in error || (kind !== 'invalid' && kind !== 'tooLarge')) {
      this.#failure ??= error
      return
    }
    if (batch.length === 1) return this.#stop(batch[0]!, messagingError('E_BUS_REFUSED', [error.message], { cause: error }))
    const half = Math.ceil(batch.length / 2)
    await Promise.all([this.#send(batch.slice(0, half)), this.#send(batch.slice(half))])
  }

  #settle (message: Outgoing, failed: FailedEntry | undefined): void {
    if (failed !== undefined) return this.#stop(message, refusalOf(failed))
    this.#taken++
    const left = this.#groups.get(message.group)!
    left.shift()
    if (left.length > 0) this.#ready.push(message.group)
  }

  /** What is behind a refused message must not overtake it. */
  #stop (message: Outgoing, error: Error): void {
    const [, ...behind] = this.#groups.get(message.group)!
    this.#groups.delete(message.group)
    this.#refused.set(message.dedupe, error)
    this.#refuseAll(behind, new Error('it waits for the one before it'))
  }

  #refuseAll (messages: readonly Outgoing[], cause: Error): void {
    for (const { dedupe } of messages) {
      this.#refused.set(dedupe, messagingError('E_BUS_NOT_YET', [cause.message], { cause }))
    }
  }
}

function refusalOf ({ Code = '', Message = '' }: FailedEntry): Error {
  const kind = kindOfCode(Code)
  const forEver = kind === 'invalid' || kind === 'tooLarge'
  return messagingError(forEver ? 'E_BUS_REFUSED' : 'E_BUS_NOT_YET', [`${Code} ${Message}`])
}
