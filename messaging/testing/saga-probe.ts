/** What a test asks of a saga. */
import { AssertionError } from 'node:assert/strict'
import { hasCode } from '../errors.ts'
import type { SagaHistory, SagaSummary } from '../saga/saga-book.ts'
import type { World } from './world.ts'

/** Of a summary, what matters; the rest may be anything. */
export type SagaFacts = Partial<Pick<SagaSummary, 'state' | 'attempt' | 'stuck' | 'failures' | 'type' | 'deadlineAt'>>

const LOOK_MS = 100
const PATIENCE_MS = 3_600_000

export class SagaProbe {
  readonly #world: World
  readonly #id: string

  constructor (world: World, id: string) {
    this.#world = world
    this.#id = id
  }

  /** As it is now, with its history. Throws when no service has such a saga. */
  async history (): Promise<SagaHistory> {
    const running = [...this.#world.services.values()].filter(service => service.running && service.sagas !== undefined)
    let missing: unknown = new Error('no service with sagas runs')
    for (const { sagas } of running) {
      try {
        return await this.#world.run(() => sagas!.find(this.#id))
      } catch (error) {
        if (!hasCode(error, 'E_SAGA_MISSING')) throw error
        missing = error
      }
    }
    throw missing
  }

  /** Throws an AssertionError, with the saga's history, unless it is so now. */
  async expect (facts: SagaFacts): Promise<void> {
    const saga = await this.history()
    if (!matches(saga, facts)) throw failure(saga, facts)
  }

  /** Lets time pass until it is so; throws an AssertionError when it never is. */
  async reaches (facts: SagaFacts, limitMs = PATIENCE_MS): Promise<void> {
    const deadline = this.#world.now + limitMs
    for (let saga = await this.history(); !matches(saga, facts); saga = await this.history()) {
      if (this.#world.now > deadline) throw failure(saga, facts)
      await this.#world.after(LOOK_MS)
    }
  }
}

function matches (saga: SagaHistory, facts: SagaFacts): boolean {
  return Object.keys(facts).every(name => saga[name as keyof SagaFacts] === facts[name as keyof SagaFacts])
}

function failure (saga: SagaHistory, facts: SagaFacts): AssertionError {
  const actual = Object.fromEntries(Object.keys(facts).map(name => [name, saga[name as keyof SagaFacts]]))
  const lines = saga.log.map(({ at, from: before, to, note }) =>
    `  ${new Date(at).toISOString()} ${before === to ? to : `${before} -> ${to}`}: ${note}`)
  const trouble = saga.failures === 0 ? '' : `\n  its deadline could not be handled, ${saga.failures} times: ${saga.error}`
  return new AssertionError({ actual, expected: facts, operator: 'deepStrictEqual',
    message: `saga ${saga.subject} is ${JSON.stringify(actual)}, not ${JSON.stringify(facts)}\n${lines.join('\n')}${trouble}` })
}
