/**
 * Buffers for body pieces that must outlive the shared read buffer, used again when their write is through: an
 * allocation a piece would make the garbage collector stop the loop for 100 ms under large bodies.
 */
const BUFFER_BYTES = 65_536
/** Idle ones kept; a burst beyond that goes back to the system. */
const MAX_IDLE = 256

export class BufferPool {
  private readonly idle: Buffer[] = []
  /** Which memory is the pool's: what others made stays theirs. */
  private readonly own = new WeakSet<ArrayBufferLike>()

  /** A copy of a range. Whoever wrote it, and keeps it for nobody, gives it back. */
  copy (from: Buffer, start: number, end: number): Buffer {
    if (end - start > BUFFER_BYTES) return Buffer.from(from.subarray(start, end))
    const buffer = this.idle.pop() ?? this.make()
    from.copy(buffer, 0, start, end)
    return buffer.subarray(0, end - start)
  }

  private make (): Buffer {
    const buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES)
    this.own.add(buffer.buffer)
    return buffer
  }

  give (copy: Buffer): void {
    if (this.idle.length < MAX_IDLE && this.own.has(copy.buffer)) this.idle.push(Buffer.from(copy.buffer))
  }
}
