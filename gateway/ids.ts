/** Request and trace ids from a pool of random bytes: one system call for hundreds of requests. */
import { randomFillSync } from 'node:crypto'

const POOL_BYTES = 8_192
const HEX_PER_REQUEST = 48

export class IdPool {
  private readonly bytes = Buffer.allocUnsafeSlow(POOL_BYTES)
  private hex = ''
  private at = 0
  private readonly fill: (bytes: Buffer) => unknown

  constructor (fill: (bytes: Buffer) => unknown = (bytes) => randomFillSync(bytes)) {
    this.fill = fill
  }

  /** 32 hex digits for a trace (the request id of requests that bring none), then 16 for a span. */
  next (): string {
    if (this.at + HEX_PER_REQUEST > this.hex.length) this.refill()
    const id = this.hex.slice(this.at, this.at + HEX_PER_REQUEST)
    this.at += HEX_PER_REQUEST
    return id
  }

  private refill (): void {
    this.fill(this.bytes)
    this.hex = this.bytes.toString('hex')
    this.at = 0
  }
}

/** What a client may call its request: anything else could write into logs and is replaced. */
export function isRequestId (text: string): boolean {
  return text.length > 0 && text.length <= 128 && /^[\w.:+/=-]+$/.test(text)
}

/** W3C Trace Context, 3.2: a malformed one is treated as absent. */
export function isTraceparent (text: string): boolean {
  return text.length === 55 && /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/.test(text)
}
