/** Stands between a client and a server, and breaks the line where a test says. */
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'

interface Line {
  readonly client: Socket
  readonly server: Socket
  /** The answers to what was asked are not for the client. */
  mute: boolean
}

export class TcpProxy {
  /** Where new connections go. */
  target: string
  /** New connections are ended at once. */
  refusing = false
  /** Called for each new connection; what comes on it waits until then. */
  onConnection: () => Promise<void> = async () => {}
  readonly #lines = new Set<Line>()
  readonly #server: Server
  #loss: { readonly text: string, readonly how: 'answer' | 'request', times: number } | undefined
  /** What never got through. */
  readonly lost: Buffer[] = []

  private constructor (target: string) {
    this.target = target
    this.#server = createServer(client => { void this.#join(client) })
  }

  static async before (target: string): Promise<TcpProxy> {
    const proxy = new TcpProxy(target)
    await new Promise<void>(resolve => { proxy.#server.listen(0, '127.0.0.1', resolve) })
    return proxy
  }

  /** The address of the target with ours in its place. */
  get url (): string {
    const url = new URL(this.target)
    url.host = `127.0.0.1:${(this.#server.address() as AddressInfo).port}`
    return url.href
  }

  /** Of the next requests that have this text, the server does each, and the line is cut instead of its answer. */
  loseAnswers (text: string, times = 1): void {
    this.#loss = { text, how: 'answer', times }
  }

  /** The next requests that have this text go nowhere, and the line is cut; they are kept in `lost`. */
  loseRequests (text: string, times = 1): void {
    this.#loss = { text, how: 'request', times }
  }

  /** How many losses are still to come. */
  get losses (): number {
    return this.#loss?.times ?? 0
  }

  cut (): void {
    for (const line of this.#lines) end(line)
  }

  async stop (): Promise<void> {
    this.cut()
    await new Promise(resolve => { this.#server.close(resolve) })
  }

  async #join (client: Socket): Promise<void> {
    client.on('error', () => {})
    client.pause()
    await this.onConnection()
    if (this.refusing) return void client.destroy()
    const { hostname, port } = new URL(this.target)
    const server = connect(Number(port), hostname)
    const line = { client, server, mute: false }
    this.#lines.add(line)
    for (const socket of [client, server]) socket.on('error', () => {}).on('close', () => { end(line) })
    client.on('close', () => { this.#lines.delete(line) })
    client.on('data', (chunk: Buffer) => { this.#ask(line, chunk) }).resume()
    server.on('data', (chunk: Buffer) => {
      if (line.mute) end(line)
      else client.write(chunk)
    })
  }

  #ask (line: Line, chunk: Buffer): void {
    const loss = this.#loss
    if (loss === undefined || loss.times === 0 || !chunk.includes(loss.text)) return void line.server.write(chunk)
    loss.times--
    if (loss.how === 'answer') {
      line.mute = true
      line.server.write(chunk)
    } else {
      this.lost.push(chunk)
      end(line)
    }
  }
}

function end ({ client, server }: Line): void {
  client.destroy()
  server.destroy()
}
