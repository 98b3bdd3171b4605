/** What goes to a consumer of the embedded bus, and what comes back. */
import type { Verdict } from '../handling.ts'

export interface Received {
  readonly seq: number
  readonly receipt: string
  readonly group: string
  readonly body: string
  readonly tries: number
}

export interface Settlement {
  readonly group: string
  readonly receipt: string
  /** `untried` gives back what nobody has looked at. */
  readonly verdict: Verdict['kind'] | 'untried'
  /** For `wait` and `retry`. */
  readonly delayMs?: number | undefined
  /** For `dead`. */
  readonly error?: string | undefined
}
