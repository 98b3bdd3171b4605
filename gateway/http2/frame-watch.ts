/**
 * What an HTTP/2 client has begun and not ended, seen from the frames that it sends (RFC 9113, 4.1): nghttp2 waits for
 * the rest for ever and tells nobody. Each phase has a deadline from its beginning, which trickling does not move.
 */
import type { ClientLimits } from '../data-plane-options.ts'

export type PhaseLimits = Pick<ClientLimits, 'headerTimeoutMs' | 'bodyTimeoutMs' | 'minBodyBytesPerSecond'>

const PREFACE_BYTES = 24
const FRAME_HEAD_BYTES = 9
const DATA = 0
const HEADERS = 1
const SETTINGS = 4
const CONTINUATION = 9
const END_HEADERS = 4
const ACK = 1
const NEVER = 0

export class FrameWatch {
  private readonly limits: PhaseLimits
  private readonly head = Buffer.alloc(FRAME_HEAD_BYTES)
  private preface = PREFACE_BYTES
  private have = 0
  /** Bytes of the frame's content to come. */
  private left = 0
  private readonly bornMs: number
  private frameSinceMs = NEVER
  private blockSinceMs = NEVER
  /** Its settings are in; it has agreed to ours. */
  private settled = false
  private agreed = false

  constructor (limits: PhaseLimits, nowMs: number) {
    this.limits = limits
    this.bornMs = nowMs
  }

  /** More has come. */
  take (bytes: Buffer, nowMs: number): void {
    const passed = Math.min(this.preface, bytes.length)
    this.preface -= passed
    for (let at = passed; at < bytes.length;) {
      if (this.have === 0) this.frameSinceMs = nowMs
      at = this.have < FRAME_HEAD_BYTES ? this.takeHead(bytes, at) : this.takeContent(bytes.length, at)
      if (this.have === FRAME_HEAD_BYTES && this.left === 0) this.ended()
    }
  }

  private takeHead (bytes: Buffer, from: number): number {
    let at = from
    while (at < bytes.length && this.have < FRAME_HEAD_BYTES) this.head[this.have++] = bytes[at++]!
    if (this.have < FRAME_HEAD_BYTES) return at
    this.left = this.head.readUIntBE(0, 3)
    if (this.type === HEADERS && this.blockSinceMs === NEVER) this.blockSinceMs = this.frameSinceMs
    return at
  }

  private takeContent (end: number, at: number): number {
    const taken = Math.min(this.left, end - at)
    this.left -= taken
    return at + taken
  }

  private ended (): void {
    const flags = this.head[4]!
    if ((this.type === HEADERS || this.type === CONTINUATION) && (flags & END_HEADERS) !== 0) this.blockSinceMs = NEVER
    if (this.type === SETTINGS) {
      if ((flags & ACK) === 0) this.settled = true
      else this.agreed = true
    }
    this.have = 0
    this.frameSinceMs = NEVER
  }

  private get type (): number {
    return this.head[3]!
  }

  /** The client takes longer for something than it may; a limit of 0 is none. */
  late (nowMs: number): boolean {
    const { headerTimeoutMs } = this.limits
    if (this.frameSinceMs !== NEVER && exceeds(nowMs - this.frameSinceMs, this.frameLimitMs())) return true
    if (this.blockSinceMs !== NEVER && exceeds(nowMs - this.blockSinceMs, headerTimeoutMs)) return true
    return !(this.settled && this.agreed) && exceeds(nowMs - this.bornMs, headerTimeoutMs)
  }

  /** A frame of a body may come as slowly as a body; whether its stream goes on is the stream's to judge. */
  private frameLimitMs (): number {
    const { bodyTimeoutMs, headerTimeoutMs, minBodyBytesPerSecond } = this.limits
    if (this.have < FRAME_HEAD_BYTES || this.type !== DATA) return headerTimeoutMs
    if (bodyTimeoutMs === 0 || minBodyBytesPerSecond === 0) return 0
    return bodyTimeoutMs + this.head.readUIntBE(0, 3) * 1_000 / minBodyBytesPerSecond
  }
}

function exceeds (tookMs: number, limitMs: number): boolean {
  return limitMs > 0 && tookMs > limitMs
}
