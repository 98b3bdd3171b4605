/**
 * Messages that could not be handled. The bus tries them again and makes dead letters of them in the end, and no caller
 * hears of either: log and metrics do. The first of a type is told at once and whole, a flood of them as its number.
 */
import type { Failure } from './bus/bus.ts'
import type { Clock } from './clock.ts'
import type { Logger } from './parts.ts'

export interface FailuresParts {
  readonly clock: Clock
  readonly log: Pick<Logger, 'warn' | 'error'>
  /** Of a type that the service handles; others are counted together, because anybody may make them up. */
  readonly handles: (type: string) => boolean
}

/** Of one type and outcome, no more often than this. */
const TELL_MS = 10_000

interface Told { at: number, untold: number }

export class Failures {
  /** Tries that failed, by type. */
  readonly tries = new Map<string, number>()
  /** Dead letters, by type. */
  readonly dead = new Map<string, number>()
  readonly #parts: FailuresParts
  readonly #told = new Map<string, Told>()

  constructor (parts: FailuresParts) {
    this.#parts = parts
  }

  failed (failure: Failure): void {
    const type = this.#typeOf(failure)
    const counts = failure.dead ? this.dead : this.tries
    counts.set(type, (counts.get(type) ?? 0) + 1)
    this.#tell(type, failure)
  }

  #tell (type: string, { envelope, tries, error, dead }: Failure): void {
    const key = `${type} ${dead}`
    const told = this.#told.get(key) ?? { at: -Infinity, untold: 0 }
    this.#told.set(key, told)
    const now = this.#parts.clock.elapsed()
    if (now < told.at + TELL_MS) return void told.untold++
    const fields = { type, id: envelope?.id, subject: envelope?.subject, tries, err: error,
      ...(told.untold === 0 ? {} : { untold: told.untold }) }
    if (dead) this.#parts.log.error(fields, 'a message is a dead letter')
    else this.#parts.log.warn(fields, 'a message could not be handled, and comes again')
    Object.assign(told, { at: now, untold: 0 })
  }

  #typeOf ({ envelope }: Failure): string {
    const type: unknown = envelope?.type
    return typeof type === 'string' && this.#parts.handles(type) ? type : 'unknown'
  }
}
