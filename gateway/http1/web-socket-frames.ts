/**
 * Where the frames of a WebSocket begin and end (RFC 6455, 5.2), across any split of the bytes. Nothing is unmasked or
 * looked into: that somebody leaves is said between two frames, and frames are all that has to be known for it.
 */

/** Two bytes, eight of an extended length, four of a mask. */
const MAX_HEAD_BYTES = 14
const IN_HEAD = -1
const OPCODE = 0x0f
const CLOSE = 8
const GOING_AWAY = 1001

export class FrameReader {
  /** The last frame that ended was a Close: its sender says no more. */
  closed = false
  private readonly head = Buffer.alloc(MAX_HEAD_BYTES)
  private have = 0
  /** Bytes of the payload to come. */
  private left = IN_HEAD

  /** No frame is half through. */
  get between (): boolean {
    return this.have === 0
  }

  /** Reads on from `at`; returns where the current frame ends in `chunk`, or its length. */
  next (chunk: Buffer, at: number): number {
    let from = at
    while (this.left === IN_HEAD) {
      if (from === chunk.length) return from
      this.head[this.have++] = chunk[from++]!
      if (this.have === headBytes(this.head, this.have)) this.left = payloadBytes(this.head)
    }
    const end = Math.min(chunk.length, from + this.left)
    this.left -= end - from
    if (this.left === 0) this.ended()
    return end
  }

  private ended (): void {
    this.closed ||= (this.head[0]! & OPCODE) === CLOSE
    this.have = 0
    this.left = IN_HEAD
  }
}

function headBytes (head: Buffer, have: number): number {
  if (have < 2) return 2
  const length = head[1]! & 0x7f
  return 2 + (length === 127 ? 8 : length === 126 ? 2 : 0) + (head[1]! & 0x80 ? 4 : 0)
}

function payloadBytes (head: Buffer): number {
  const length = head[1]! & 0x7f
  if (length === 126) return head.readUInt16BE(2)
  return length === 127 ? Number(head.readBigUInt64BE(2)) : length
}

/** Close, 1001: this end goes away (RFC 6455, 7.4.1). A client's is masked, with zeros that change nothing. */
export function goingAway (masked: boolean): Buffer {
  const head = masked ? [0x82, 0, 0, 0, 0] : [2]
  return Buffer.from([0x80 | CLOSE, ...head, GOING_AWAY >> 8, GOING_AWAY & 0xff])
}
