/**
 * The instance's end of a WebSocket, as http-proxy pipes it to the client's socket. Both directions pass through here,
 * so that in a drain both sides can be told between two frames, and each is closed as soon as it has agreed.
 */
import { Duplex } from 'node:stream'
import type { UpstreamConnection } from '../upstream/upstream-connection.ts'
import { FrameReader, goingAway } from './web-socket-frames.ts'

/** One side has ended, or was told to: the other has this long to follow. */
const PATIENCE_MS = 2_000

const END_OF_HEAD = '\r\n\r\n'

/** What comes from one side, and whether we have had the last word on it. */
interface Direction {
  readonly frames: FrameReader
  readonly send: (bytes: Buffer) => boolean
  readonly masked: boolean
  leaving: boolean
  silenced: boolean
}

export class WebSocketLeg extends Duplex {
  private readonly connection: UpstreamConnection
  private readonly agreement: Buffer
  private readonly early: Buffer
  private readonly toClient: Direction
  private readonly toInstance: Direction
  private asked = ''
  private isOpen = false
  private isOver = false
  private timer: NodeJS.Timeout | undefined = undefined

  /** `agreement` is the 101 that the client gets; `early` came behind the instance's. */
  constructor (connection: UpstreamConnection, agreement: Buffer, early: Buffer) {
    super()
    const { socket } = connection
    this.connection = connection
    this.agreement = agreement
    this.early = early
    this.toClient = direction((bytes) => this.push(bytes), false)
    this.toInstance = direction((bytes) => socket.write(bytes), true)
    for (const event of ['end', 'close']) socket.on(event, () => this.ended())
  }

  /** http-proxy sets them on both ends; the real socket has them since it was dialled. */
  setTimeout (): this { return this }
  setNoDelay (): this { return this }
  setKeepAlive (): this { return this }

  fromInstance (bytes: Buffer): void {
    if (this.isOver) return
    if (!this.pass(this.toClient, bytes)) this.connection.pause()
    if (this.toClient.frames.closed && this.toInstance.silenced) this.connection.socket.end()
  }

  override _read (): void {
    this.connection.resume()
  }

  override _write (chunk: Buffer, _encoding: string, done: () => void): void {
    if (!this.isOpen) {
      this.open(chunk)
      return done()
    }
    const room = this.pass(this.toInstance, chunk)
    if (this.toInstance.frames.closed && this.toClient.silenced) this.ended()
    if (room) done()
    else this.connection.socket.once('drain', done)
  }

  /** http-proxy asks as if nobody had: the instance has agreed already, so its answer is at hand. */
  private open (chunk: Buffer): void {
    this.asked += chunk.toString('latin1')
    if (!this.asked.endsWith(END_OF_HEAD)) return
    this.isOpen = true
    this.push(this.agreement)
    if (this.early.length > 0) this.fromInstance(this.early)
  }

  private pass (way: Direction, bytes: Buffer): boolean {
    let at = 0
    while (at < bytes.length && !(way.leaving && way.frames.between)) at = way.frames.next(bytes, at)
    const room = at === 0 || way.silenced || way.send(at === bytes.length ? bytes : bytes.subarray(0, at))
    if (way.leaving) this.takeLeave(way)
    while (at < bytes.length) at = way.frames.next(bytes, at)
    return room
  }

  /** We are about to end: both sides hear it, and what they still send is read for nobody. */
  goAway (): void {
    for (const way of [this.toClient, this.toInstance]) {
      way.leaving = true
      this.takeLeave(way)
    }
    this.hurry()
  }

  private takeLeave (way: Direction): void {
    if (way.silenced || !way.frames.between) return
    way.silenced = true
    if (!way.frames.closed) way.send(goingAway(way.masked))
  }

  /** Nothing more comes for the client. */
  private ended (): void {
    if (this.destroyed || this.isOver) return
    this.isOver = true
    this.push(null)
    this.hurry()
  }

  private hurry (): void {
    this.timer ??= setTimeout(() => this.destroy(), PATIENCE_MS).unref()
  }

  override _final (done: () => void): void {
    this.connection.socket.end()
    this.hurry()
    done()
  }

  override _destroy (fault: Error | null, done: (fault: Error | null) => void): void {
    clearTimeout(this.timer)
    this.connection.destroy()
    done(fault)
  }
}

function direction (send: (bytes: Buffer) => boolean, masked: boolean): Direction {
  return { frames: new FrameReader(), send, masked, leaving: false, silenced: false }
}
