/**
 * Tokens whose signature was checked a moment ago: a client sends the same one with every request, and checking it
 * costs more than all the rest of the way. Bounded in number, and in time so that a withdrawn key takes effect.
 */
import type { Principal } from './principal.ts'

const MAX_TOKENS = 2_000
const MAX_AGE_MS = 60_000

export class VerifiedTokens {
  readonly #tokens = new Map<string, { principal: Principal, untilMs: number }>()
  readonly #wallClock: () => number

  constructor (wallClock: () => number = Date.now) {
    this.#wallClock = wallClock
  }

  get (token: string): Principal | undefined {
    const found = this.#tokens.get(token)
    if (found === undefined) return undefined
    if (this.#wallClock() < found.untilMs) return found.principal
    this.#tokens.delete(token)
    return undefined
  }

  add (token: string, principal: Principal, expiresAtMs: number): void {
    const oldest = this.#tokens.keys().next()
    if (this.#tokens.size >= MAX_TOKENS && oldest.done !== true) this.#tokens.delete(oldest.value)
    this.#tokens.set(token, { principal, untilMs: Math.min(expiresAtMs, this.#wallClock() + MAX_AGE_MS) })
  }
}
