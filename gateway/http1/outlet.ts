/**
 * The writing side of a socket: small pieces gather in one text and leave in one write, large ones travel as buffers.
 *
 * System calls are more than half of what forwarding costs, so an answer whose head and body arrived together must
 * leave together. Nobody may write to the socket but its outlet.
 */
import type { Duplex } from 'node:stream'
import type { BufferPool } from './buffer-pool.ts'
import type { Departures } from './departures.ts'

/** Up to here a body piece is cheaper as text joined to its head than as a write of its own. */
const SMALL_BYTES = 8_192

export class Outlet {
  /** True while the other side does not take what was written; whoever feeds this outlet has to stop. */
  blocked = false
  bytesWritten = 0
  private text = ''
  private corked = false
  private queued = false
  private readonly socket: Duplex
  private readonly buffers: BufferPool
  private readonly departures: Departures

  constructor (socket: Duplex, buffers: BufferPool, departures: Departures) {
    this.socket = socket
    this.buffers = buffers
    this.departures = departures
  }

  /** Adds latin1 text; it leaves with the next {@link flush}, and counts as written. */
  add (text: string): void {
    this.bytesWritten += text.length
    this.text += text
  }

  /** Adds bytes that nobody will change any more. `isLast`: nobody will want them again either. */
  addBuffer (bytes: Buffer, isLast = false): void {
    if (bytes.length <= SMALL_BYTES && this.text.length <= SMALL_BYTES && !this.corked) {
      this.add(bytes.toString('latin1', 0, bytes.length))
    } else {
      this.writeBuffer(bytes, isLast ? () => this.buffers.give(bytes) : undefined)
    }
  }

  /** Adds a range of a buffer that will be overwritten (the shared read buffer): copied unless it fits the text. */
  addShared (buffer: Buffer, start: number, end: number): void {
    if (end - start <= SMALL_BYTES && this.text.length <= SMALL_BYTES && !this.corked) {
      this.add(buffer.toString('latin1', start, end))
    } else {
      const copy = this.buffers.copy(buffer, start, end)
      this.writeBuffer(copy, () => this.buffers.give(copy))
    }
  }

  /** Sends what has gathered: small pieces with the next departure, large ones at once: they are what blocks. */
  flush (): void {
    if (this.corked || this.text.length > SMALL_BYTES) return this.flushNow()
    if (this.queued || this.text === '') return
    this.queued = true
    this.departures.add(this)
  }

  depart (): void {
    this.queued = false
    this.flushNow()
  }

  /** Sends what has gathered before the socket is ended or given away. */
  flushNow (): void {
    if (this.text !== '') this.writeText()
    if (this.corked) {
      this.corked = false
      this.socket.uncork()
    }
  }

  /** The socket is given away: nobody will tell any more when there is room. */
  retire (): void {
    this.flushNow()
    this.blocked = false
  }

  /** The socket has room again. */
  drained (): void {
    this.blocked = false
  }

  private writeBuffer (bytes: Buffer, written?: () => void): void {
    if (!this.corked) {
      this.corked = true
      this.socket.cork()
    }
    if (this.text !== '') this.writeText()
    this.bytesWritten += bytes.length
    if (!this.socket.write(bytes, written)) this.blocked = true
  }

  private writeText (): void {
    const text = this.text
    this.text = ''
    if (this.socket.destroyed) return
    if (!this.socket.write(text, 'latin1')) this.blocked = true
  }
}
