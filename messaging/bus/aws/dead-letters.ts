/**
 * Dead letters on SQS: a FIFO queue of their own. There is no way to look into a queue without receiving, so a look
 * holds what it finds for as long as it takes; SQS's own redrive task is not used, because it would send under the old
 * dedupe id and keep no order.
 */
import type { Message } from '@aws-sdk/client-sqs'
import type { DeadLetter, DeadLetters } from '../bus.ts'
import { deadLetterName } from '../names.ts'
import type { AwsCalls } from './calls.ts'
import { BATCH, SQS_BYTES } from './limits.ts'
import { letterOf, revived } from './letters.ts'
import type { Places } from './places.ts'
import { entryOf, sendInBatches } from './sending.ts'

/** A lister that dies shows the letters again so much later. */
const LIST_SECONDS = 30
/** For looking through, sending and deleting what one round holds. */
const ROUND_SECONDS = 600
const LIMITS = {
  // Letters held at once to be used: of these the order of a group is sure.
  round: 5000,
  roundBytes: 64 * 1024 * 1024,
  // Letters held to find some by id: SQS lets 20,000 be in flight.
  looked: 15_000,
  // With a wait SQS asks all of its machines; without one, letters may be overlooked.
  waitSeconds: 1
}

export class SqsDeadLetters implements DeadLetters {
  readonly #calls: AwsCalls
  readonly #places: Places
  readonly #queue: string
  readonly #limits: typeof LIMITS
  /** Two looks at the same time would hide letters from each other. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor (calls: AwsCalls, places: Places, queue: string, limits: Partial<typeof LIMITS> = {}) {
    this.#calls = calls
    this.#places = places
    this.#queue = queue
    this.#limits = { ...LIMITS, ...limits }
  }

  list (limit: number): Promise<DeadLetter[]> {
    return this.#inTurn(async () => {
      const held = await this.#hold(LIST_SECONDS, letters => letters.length >= limit)
      await this.#release(held)
      return held.slice(0, limit).map(letterOf)
    })
  }

  redrive (ids: readonly string[] | 'all'): Promise<number> {
    const revive = (letters: readonly Message[]) => this.#revive(letters)
    return this.#inTurn(() => ids === 'all' ? this.#all(revive) : this.#some(ids, revive))
  }

  drop (ids: readonly string[]): Promise<number> {
    return this.#inTurn(() => this.#some(ids, async letters => {
      await this.#remove(letters)
      return letters.length
    }))
  }

  #inTurn<Value> (work: () => Promise<Value>): Promise<Value> {
    const result = this.#turn.catch(() => {}).then(work)
    this.#turn = result
    return result
  }

  /** Round by round, as many letters as there are now: those that die again meanwhile are not sent for ever. */
  async #all (use: Use): Promise<number> {
    const counts = await this.#calls.queueAttributes(await this.#url(),
      ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'])
    let left = Object.values(counts).reduce((sum, count) => sum + Number(count), 0)
    let used = 0
    while (left > 0) {
      const held = await this.#hold(ROUND_SECONDS,
        letters => letters.length >= this.#limits.round || bytesOf(letters) > this.#limits.roundBytes)
      if (held.length === 0) break
      used += await this.#using(held, use)
      left -= held.length
    }
    return used
  }

  /** Looks through the letters until these are found; the others are held meanwhile, or they would be found again. */
  async #some (ids: readonly string[], use: Use): Promise<number> {
    const wanted = new Set(ids)
    const isWanted = (letter: Message) => wanted.has(letter.MessageId!)
    const held = await this.#hold(ROUND_SECONDS,
      letters => letters.filter(isWanted).length >= wanted.size || letters.length >= this.#limits.looked, isWanted)
    await this.#release(held.filter(letter => !isWanted(letter)))
    return this.#using(held.filter(isWanted), use)
  }

  async #using (letters: readonly Message[], use: Use): Promise<number> {
    try {
      return await use(letters)
    } catch (error) {
      await this.#release(letters)
      throw error
    }
  }

  /** Sends, and then deletes: killed in between, a letter is sent again under the same dedupe id. */
  async #revive (letters: readonly Message[]): Promise<number> {
    const sent = new Map(letters.toSorted(bySequence).map(letter => [revived(letter), letter]))
    const url = await this.#places.queueUrl(this.#queue)
    const refused = await sendInBatches([...sent.keys()], SQS_BYTES,
      batch => this.#calls.send(url, batch.map((message, at) =>
        ({ MessageBody: message.body, ...entryOf(message, at, message.group) }))))
    for (const message of sent.keys()) if (refused.has(message.dedupe)) sent.delete(message)
    await this.#remove([...sent.values()])
    const [reason] = refused.values()
    if (reason !== undefined) throw reason
    return sent.size
  }

  /** Bodies are kept of those that are used only. */
  async #hold (
    seconds: number, enough: (held: readonly Message[]) => boolean, isUsed: (letter: Message) => boolean = () => true
  ): Promise<Message[]> {
    const held: Message[] = []
    while (!enough(held)) {
      const letters = await this.#calls.receive({ QueueUrl: await this.#url(), MaxNumberOfMessages: BATCH,
        VisibilityTimeout: seconds, WaitTimeSeconds: this.#limits.waitSeconds, MessageAttributeNames: ['All'],
        MessageSystemAttributeNames: ['SentTimestamp', 'MessageGroupId', 'SequenceNumber'] })
      if (letters.length === 0) break
      held.push(...letters.map(letter => isUsed(letter) ? letter : { ...letter, Body: '' }))
    }
    return held
  }

  async #release (letters: readonly Message[]): Promise<void> {
    const url = await this.#url()
    // One that is not let go, or is gone, is of no harm: it comes back by itself, or does not.
    for (const entries of inTens(letters)) {
      const visible = entries.map(entry => ({ ...entry, VisibilityTimeout: 0 }))
      await this.#calls.changeVisibility(url, visible).catch(() => {})
    }
  }

  async #remove (letters: readonly Message[]): Promise<void> {
    for (const entries of inTens(letters)) await this.#calls.remove(await this.#url(), entries)
  }

  #url (): Promise<string> {
    return this.#places.queueUrl(deadLetterName(this.#queue))
  }
}

type Use = (letters: readonly Message[]) => Promise<number>

function inTens (letters: readonly Message[]): Array<Array<{ Id: string, ReceiptHandle: string }>> {
  const entries = letters.map((letter, n) => ({ Id: String(n % BATCH), ReceiptHandle: letter.ReceiptHandle! }))
  return Array.from({ length: Math.ceil(entries.length / BATCH) }, (_, n) => entries.slice(n * BATCH, (n + 1) * BATCH))
}

function bytesOf (letters: readonly Message[]): number {
  return letters.reduce((sum, { Body = '' }) => sum + Buffer.byteLength(Body), 0)
}

/** SQS numbers messages in the order of their arrival, with 20 digits. */
function bySequence (a: Message, b: Message): number {
  const of = ({ Attributes }: Message) => BigInt(Attributes?.SequenceNumber ?? 0)
  return of(a) < of(b) ? -1 : Number(of(a) > of(b))
}
