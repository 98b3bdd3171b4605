/** One try of a command: what it saw, what it wants, and how it ended. */
import type { Clock } from '../../clock.ts'
import { hasCode, isTransient } from '../../errors.ts'
import { inTime } from '../deadline.ts'
import { WriteSet } from '../key-value-writes.ts'

export class Attempt<Value> {
  readonly #seen = new Map<string, string>()
  readonly #writes: WriteSet
  #ended: { readonly value: Value } | { readonly error: unknown } | undefined

  constructor (load: (key: string) => Promise<string | undefined>) {
    this.#writes = new WriteSet(async key => {
      // Read once, so that a command sees one state of an entry, and the commit asks for that one.
      const text = this.#seen.get(key) ?? await load(key) ?? ''
      this.#seen.set(key, text)
      return text === '' ? undefined : text
    })
  }

  /** A command holds nothing from anybody here, but its caller waits, as long as with an embedded store. */
  async run (fn: (writes: WriteSet) => Promise<Value>, clock: Clock, commandMs: number): Promise<void> {
    try {
      this.#ended = { value: await inTime(clock, commandMs, fn(this.#writes)) }
    } catch (error) {
      this.#ended = { error }
    } finally {
      this.#writes.close()
    }
  }

  /** What the command returned or threw. */
  result (): Value {
    if (this.#ended === undefined) throw new Error('it is not done')
    if ('error' in this.#ended) throw this.#ended.error as Error
    return this.#ended.value
  }

  get failed (): boolean {
    return this.#ended === undefined || 'error' in this.#ended
  }

  get writing (): boolean {
    return !this.failed && !this.#writes.empty
  }

  /**
   * Whether somebody may have changed in between what it has seen: what was decided by two entries of two moments is
   * no decision, a refusal neither.
   */
  get doubtful (): boolean {
    return this.#seen.size > 1 && !(this.failed && this.#outside())
  }

  /** The arguments of the commit behind its number: checks, rows for the outbox, writes. */
  args (): string[] {
    const [appends, writes] = this.writing ? [this.#writes.appends, [...this.#writes.entries]] : [[], []]
    return [String(this.#seen.size), ...[...this.#seen].flat(),
      String(appends.length), ...appends.flatMap(({ dedupe, row }) => [dedupe, row]),
      ...writes.flatMap(([key, text]) => [key, text ?? ''])]
  }

  /** The key of the n-th check, from 1. */
  checked (n: number): string {
    return [...this.#seen.keys()][n - 1]!
  }

  /** It failed because of its surroundings, whatever it saw. */
  #outside (): boolean {
    const error = this.#ended !== undefined && 'error' in this.#ended ? this.#ended.error : undefined
    return isTransient(error) || hasCode(error, 'E_TX_SLOW')
  }
}
