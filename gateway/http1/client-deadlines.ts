/** How long a client may take for what: plain comparisons with the times of its last steps. */
import type { ClientLimits } from '../data-plane-options.ts'

/** What the client still sends after the last answer is read away for this long, so that it sees the answer. */
const LINGER_MS = 2_000
/** A body is given this long before its average rate is judged. */
const RATE_GRACE_MS = 10_000
/** While draining, a quiet client is given this long to send another request and be told `Connection: close`. */
const DRAIN_PATIENCE_MS = 1_000
/** A client that closed its side is waited for this long after the upstream's last byte. */
const HALF_CLOSED_PATIENCE_MS = 1_000

interface Upload {
  readonly body: { readonly received: number }
  readonly isGrpc: boolean
}

export class ClientDeadlines {
  /** Beginning of the current silence between requests, or of lingering. */
  sinceMs: number
  lastReadMs: number
  bodyStartedMs = 0
  /** 0: no head has begun. */
  headStartedMs = 0
  inputEndedMs = 0
  private blockedSinceMs = 0
  private readonly limits: ClientLimits

  constructor (limits: ClientLimits, nowMs: number) {
    this.limits = limits
    this.sinceMs = nowMs
    this.lastReadMs = nowMs
  }

  headBegins (nowMs: number): void {
    if (this.headStartedMs === 0) this.headStartedMs = nowMs
  }

  /** Slowloris: a head that has begun and does not end. */
  headLate (nowMs: number): boolean {
    return this.headStartedMs > 0 && exceeds(nowMs - this.headStartedMs, this.limits.headerTimeoutMs)
  }

  /** Nothing has come since the last answer, or since the connection was made. */
  idleLong (nowMs: number, served: boolean, draining: boolean): boolean {
    if (this.headStartedMs > 0) return false
    if (draining) return nowMs - this.sinceMs > DRAIN_PATIENCE_MS
    return exceeds(nowMs - this.sinceMs, served ? this.limits.keepAliveTimeoutMs : this.limits.headerTimeoutMs)
  }

  /** The body has stopped coming, or trickles. A stream of messages may do both, but not stop for ever. */
  bodyLate (nowMs: number, exchange: Upload): boolean {
    const silentMs = nowMs - this.lastReadMs
    const late = exceeds(silentMs, this.limits.bodyTimeoutMs) || this.trickles(nowMs, exchange.body.received)
    return late && (!exchange.isGrpc || exceeds(silentMs, this.limits.streamIdleTimeoutMs))
  }

  private trickles (nowMs: number, received: number): boolean {
    const tookMs = nowMs - this.bodyStartedMs
    return tookMs > RATE_GRACE_MS && received * 1000 < this.limits.minBodyBytesPerSecond * tookMs
  }

  /** The client has not taken anything for too long. */
  writeStuck (blocked: boolean, nowMs: number): boolean {
    if (!blocked) this.blockedSinceMs = 0
    else if (this.blockedSinceMs === 0) this.blockedSinceMs = nowMs
    else return exceeds(nowMs - this.blockedSinceMs, this.limits.writeTimeoutMs)
    return false
  }

  /** The client closed its side, and since then nothing has moved that it could be waiting for. */
  gone (nowMs: number, lastAnswerMs: number): boolean {
    return nowMs - Math.max(this.inputEndedMs, lastAnswerMs) > HALF_CLOSED_PATIENCE_MS
  }

  lingered (nowMs: number): boolean {
    return nowMs - this.sinceMs > LINGER_MS
  }
}

/** A limit of 0 is none. */
function exceeds (tookMs: number, limitMs: number): boolean {
  return limitMs > 0 && tookMs > limitMs
}
