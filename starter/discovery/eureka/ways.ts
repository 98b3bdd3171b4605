/** How instances are got from each server: the best way that works; the better ones are tried again at times. */
import type { ServerUrl } from './server-url.ts'

/** The best first. */
export type Way = 'stream' | 'long-poll' | 'poll'

/** The server can be reached, but not in this way. */
export class NoSuchWay extends Error {
  readonly instead: Way

  constructor (instead: Way) {
    super(`use ${instead}`)
    this.instead = instead
  }
}

/** The server, or what stands before it, may have been replaced. */
const PROBE_AGAIN_MS = 300_000

/** One per client. */
export class Ways {
  readonly #steppedDown = new Map<string, { readonly way: Way, readonly untilMs: number }>()

  of (server: ServerUrl, nowMs: number): Way {
    const instead = this.#steppedDown.get(server.url)
    return instead === undefined || instead.untilMs <= nowMs ? 'stream' : instead.way
  }

  stepDown (server: ServerUrl, way: Way, nowMs: number): void {
    this.#steppedDown.set(server.url, { way, untilMs: nowMs + PROBE_AGAIN_MS })
  }
}
