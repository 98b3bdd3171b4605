/**
 * A client's socket as its HTTP/2 session sees it: bytes pass as they are, and what comes is looked at on the way.
 *
 * A session reads a real socket past all of JavaScript: half a frame, or an end, would be seen by nobody. HTTP/2 has no
 * half-close: a client that has ended its side is gone, and whatever is held for it goes too.
 */
import { Duplex } from 'node:stream'

export class WatchedSocket extends Duplex {
  private readonly socket: Duplex

  constructor (socket: Duplex, seen: (bytes: Buffer) => void) {
    super()
    this.socket = socket
    socket.on('data', (bytes: Buffer) => {
      seen(bytes)
      if (!this.push(bytes)) socket.pause()
    })
    socket.on('end', () => this.destroy())
    socket.on('close', () => this.destroy())
  }

  override _read (): void {
    this.socket.resume()
  }

  override _write (chunk: Buffer, _encoding: string, done: (fault?: Error | null) => void): void {
    this.socket.write(chunk, done)
  }

  override _writev (chunks: ReadonlyArray<{ readonly chunk: Buffer }>, done: (fault?: Error | null) => void): void {
    this.socket.cork()
    const last = chunks.length - 1
    for (const [at, { chunk }] of chunks.entries()) this.socket.write(chunk, at === last ? done : undefined)
    this.socket.uncork()
  }

  override _final (done: () => void): void {
    this.socket.end()
    done()
  }

  override _destroy (fault: Error | null, done: (fault: Error | null) => void): void {
    this.socket.end()
    done(fault)
  }
}
