/**
 * The answer on its way to the client: its head written anew, its body framed as this client can read it.
 *
 * Framing is decided here and nowhere else: a length when it is known, chunks for HTTP/1.1 when not, the end of the
 * connection for HTTP/1.0.
 */
import type { BodyTransform } from '../routes/route.ts'
import type { CollectedBody } from '../transformations.ts'
import type { BodyCopy } from './body-copy.ts'
import type { ClientConnection } from './client-connection.ts'
import type { HttpExchange } from './exchange.ts'
import { FORWARD } from './header-lines.ts'
import { reasonOf } from './reply.ts'

const NOTHING = 0
const LENGTH = 1
const CHUNKED = 2
const UNTIL_CLOSE = 3
const COLLECT = 4

export class ResponseWriter {
  private framing = NOTHING
  /** Wants a copy of what passes; set by a filter, gone with the answer. */
  copy: BodyCopy | null = null
  private collected: Buffer[] = []
  private collectedBytes = 0
  private maxCollected = 0
  private transforms: readonly BodyTransform[] = []
  private readonly client: ClientConnection

  constructor (client: ClientConnection) {
    this.client = client
  }

  /** An answer is under way whose end nobody knows yet. */
  get isStreaming (): boolean {
    return this.framing === CHUNKED || this.framing === UNTIL_CLOSE
  }

  /** RFC 9110, 10.1.1: whoever waits with the body is told to send it, once it is known that it is wanted. */
  goAhead (): void {
    this.client.outlet.add('HTTP/1.1 100 Continue\r\n\r\n')
    this.client.outlet.flush()
  }

  /**
   * Passes on an interim answer (103, 102); HTTP/1.0 clients do not know them, and one that does not read what there is
   * gets on without.
   */
  interim ({ head, response }: HttpExchange): void {
    if (head.http11 && !this.client.outlet.blocked) this.client.outlet.add(`${response.write(response.status)}\r\n`)
  }

  /** An upstream's final head is in `exchange.response`, filters have run. */
  begin (exchange: HttpExchange): void {
    exchange.responded = true
    const { response } = exchange
    const bodiless = exchange.status === 204 || exchange.status === 304
    if (bodiless || !response.hasBody(exchange.method)) this.framing = NOTHING
    else if (response.contentLength >= 0) this.framing = LENGTH
    else this.framing = exchange.head.http11 ? CHUNKED : UNTIL_CLOSE
    if (this.framing === UNTIL_CLOSE) this.client.closing = true
    this.client.decideClosing()
    this.writeHead(exchange)
  }

  private writeHead (exchange: HttpExchange): void {
    const { response } = exchange
    const keepsLength = this.framing === LENGTH || (this.framing === NOTHING && exchange.status !== 204)
    if (keepsLength && response.contentLengthLine >= 0) response.lines.fate[response.contentLengthLine] = FORWARD
    let head = response.write(exchange.status)
    if (this.framing === CHUNKED) head += 'transfer-encoding: chunked\r\n'
    if (!response.hasDate) head += `date: ${this.client.loop.clock.httpDate()}\r\n`
    this.client.outlet.add(head + this.connectionLine(exchange) + '\r\n')
  }

  private connectionLine ({ head }: HttpExchange): string {
    if (this.client.closing) return 'connection: close\r\n'
    return head.http11 ? '' : 'connection: keep-alive\r\n'
  }

  /** Collects the whole body for transformations before the head is written. */
  collect (transforms: readonly BodyTransform[]): void {
    this.framing = COLLECT
    this.transforms = transforms
    this.collected = []
    this.collectedBytes = 0
    this.maxCollected = Math.min(...transforms.map((transform) => transform.maxBytes))
  }

  /** A range of body content; the buffer will be overwritten. */
  data (buffer: Buffer, start: number, end: number): void {
    const { outlet } = this.client
    if (this.copy !== null) this.copy.add(buffer, start, end)
    if (this.framing === LENGTH || this.framing === UNTIL_CLOSE) outlet.addShared(buffer, start, end)
    else if (this.framing === CHUNKED) {
      outlet.add(`${(end - start).toString(16)}\r\n`)
      outlet.addShared(buffer, start, end)
      outlet.add('\r\n')
    } else if (this.framing === COLLECT) this.collectRange(buffer, start, end)
  }

  private collectRange (buffer: Buffer, start: number, end: number): void {
    this.collectedBytes += end - start
    if (this.collectedBytes <= this.maxCollected) this.collected.push(Buffer.from(buffer.subarray(start, end)))
    else this.collected.length = 0
  }

  /** The body is complete. `trailers` are validated lines. */
  end (trailers: string): void {
    if (this.framing === COLLECT) {
      return this.client.gateway.transformations.collected(this.client.exchange, this.takeCollected())
    }
    if (this.framing === CHUNKED) this.client.outlet.add(`0\r\n${trailers}\r\n`)
    this.framing = NOTHING
    if (this.copy !== null) this.copied(this.copy)
    this.client.outlet.flush()
    this.client.answered()
  }

  private copied (copy: BodyCopy): void {
    this.copy = null
    copy.end()
  }

  /** Undefined when the body outgrew the limit of a transformation. */
  private takeCollected (): CollectedBody {
    const body = this.collectedBytes <= this.maxCollected ? Buffer.concat(this.collected) : undefined
    this.collected = []
    return { body, transforms: this.transforms }
  }

  /** An answer whose whole content is at hand: replies of the gateway, transformed bodies. */
  whole (exchange: HttpExchange, body: string | Buffer): void {
    exchange.responded = true
    const { response } = exchange
    const bytes = typeof body === 'string' ? Buffer.from(body) : body
    const bodiless = exchange.status === 204 || exchange.status === 304
    this.client.decideClosing()
    let head = `HTTP/1.1 ${exchange.status} ${reasonOf(exchange.status)}\r\n` + response.lines.write()
    if (!bodiless) head += `content-length: ${bytes.length}\r\n`
    if (!response.hasDate) head += `date: ${this.client.loop.clock.httpDate()}\r\n`
    this.client.outlet.add(head + this.connectionLine(exchange) + '\r\n')
    if (!bodiless && exchange.method !== 'HEAD' && bytes.length > 0) this.client.outlet.addBuffer(bytes)
    this.client.outlet.flush()
    this.client.answered()
  }
}
