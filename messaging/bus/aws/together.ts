/** Asks of one turn, made as few calls of several. */
import type { Clock } from '../../clock.ts'

interface Ask<Item, Answer> { readonly item: Item, readonly answer: PromiseWithResolvers<Answer> }

export class Together<Item, Answer> {
  readonly #clock: Clock
  readonly #most: number
  readonly #call: (items: readonly Item[]) => Promise<readonly Answer[]>
  #asks: Array<Ask<Item, Answer>> = []

  /** `call` answers each of at most `most` items, in their order; what it throws is thrown to all of them. */
  constructor (clock: Clock, most: number, call: (items: readonly Item[]) => Promise<readonly Answer[]>) {
    this.#clock = clock
    this.#most = most
    this.#call = call
  }

  ask (item: Item): Promise<Answer> {
    const answer = Promise.withResolvers<Answer>()
    if (this.#asks.push({ item, answer }) === 1) void this.#flush()
    return answer.promise
  }

  async #flush (): Promise<void> {
    await this.#clock.turn()
    const asks = this.#asks
    this.#asks = []
    for (let at = 0; at < asks.length; at += this.#most) void this.#answer(asks.slice(at, at + this.#most))
  }

  async #answer (asks: ReadonlyArray<Ask<Item, Answer>>): Promise<void> {
    try {
      const answers = await this.#call(asks.map(ask => ask.item))
      for (const [n, ask] of asks.entries()) ask.answer.resolve(answers[n]!)
    } catch (error) {
      for (const ask of asks) ask.answer.reject(error)
    }
  }
}
