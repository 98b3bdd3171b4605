/**
 * Accepted sockets that read into one buffer of the event loop, as the sockets towards instances do (`onread`): a
 * buffer for each read would cost more than parsing what is in it.
 *
 * Node offers `onread` where one connects, not where one accepts, so the accepted handle gets a socket of its own. That
 * is not documented; where a Node has no such handle the accepted socket is used as it is, with a buffer a read.
 */
import { Socket, type BoundSocket, type SocketConstructorOpts } from 'node:net'
import { Readable, type Duplex } from 'node:stream'
import { LARGE_READ, type Reader, type ReadTurns } from './read-turns.ts'

class SharedReadSocket extends Socket implements Reader {
  asStream = false
  /** Somebody wants to read; it may have to wait for its turn. */
  private wanted = true
  private waitsForTurn = false

  /** With `onread` this also stops the system's reading; an ordinary socket reads on until its buffer is full. */
  override pause (): this {
    this.wanted = false
    return this.asStream ? Readable.prototype.pause.call(this) as this : super.pause()
  }

  override resume (): this {
    this.wanted = true
    return this.waitsForTurn ? this : super.resume()
  }

  /** There is more to read: whoever reads stops now. */
  waitForTurn (turns: ReadTurns): void {
    this.waitsForTurn = true
    turns.wait(this)
  }

  readOn (): void {
    this.waitsForTurn = false
    if (this.wanted) super.resume()
  }
}

/** What the sockets of one loop share. */
interface SharedReading {
  readonly readBuffer: Buffer
  readonly readTurns: ReadTurns
}

/** The bytes given to `read` are overwritten when it returns. The accepted socket must not have begun to read. */
export function readingIntoShared (accepted: Socket, { readBuffer, readTurns }: SharedReading,
  read: (bytes: Buffer) => void): Socket {
  const { _handle: handle } = accepted as Socket & { readonly _handle?: object | null }
  if (handle === undefined || handle === null) return accepted.resume()
  const callback = (length: number): boolean => {
    const bytes = readBuffer.subarray(0, length)
    if (socket.asStream) return socket.push(Buffer.from(bytes))
    read(bytes)
    if (length >= LARGE_READ) socket.waitForTurn(readTurns)
    return length < LARGE_READ
  }
  const onread = { buffer: readBuffer, callback }
  const options: SocketConstructorOpts = { handle: handle as BoundSocket, allowHalfOpen: true, onread }
  const socket = new SharedReadSocket(options)
  return socket
}

/** Somebody else reads the socket as a stream from now on, and sees its end even while it is paused. */
export function readAsStream (socket: Duplex): void {
  socket.pause()
  if (socket instanceof SharedReadSocket) socket.asStream = true
}
