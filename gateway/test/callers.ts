/** Calls over raw kept-alive connections, cheap enough for thousands a second beside the gateway on the same cores. */
import { connect, type Socket } from 'node:net'

const PATIENCE_MS = 60_000

/** A connection with one request on it at a time. It understands answers with a Content-Length, and no others. */
class Caller {
  usable = true
  readonly #socket: Socket
  #received = ''
  #done: ((status: number) => void) | undefined = undefined

  constructor (port: number) {
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true, timeout: PATIENCE_MS })
    this.#socket.on('data', chunk => this.#read(chunk.toString('latin1')))
    this.#socket.on('timeout', () => this.close())
    this.#socket.on('error', () => {})
    this.#socket.on('close', () => this.#end(0, false))
  }

  /** The status; 0 when no whole answer came. */
  ask (request: string): Promise<number> {
    return new Promise(resolve => {
      this.#done = resolve
      this.#socket.write(request, 'latin1')
    })
  }

  close (): void {
    this.#socket.destroy()
  }

  #read (text: string): void {
    this.#received += text
    const end = this.#received.indexOf('\r\n\r\n')
    if (end < 0) return
    const head = this.#received.slice(0, end)
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1])
    if (Number.isNaN(length)) this.close()
    else if (this.#received.length >= end + 4 + length) this.#end(Number(head.slice(9, 12)), !/\r\nconnection: close/i.test(head))
  }

  #end (status: number, usable: boolean): void {
    this.usable = usable
    this.#received = ''
    const done = this.#done
    this.#done = undefined
    done?.(status)
  }
}

/** As many callers as are needed at once, up to a bound; beyond it calls wait for one. */
export class Callers {
  readonly #port: number
  readonly #request: string
  readonly #most: number
  readonly #idle: Caller[] = []
  readonly #waiting: Array<() => void> = []
  #busy = 0

  constructor (url: string, most: number) {
    const { port, pathname, host } = new URL(url)
    this.#port = Number(port)
    this.#request = `GET ${pathname} HTTP/1.1\r\nHost: ${host}\r\n\r\n`
    this.#most = most
  }

  async ask (): Promise<number> {
    if (this.#busy >= this.#most) await new Promise<void>(resolve => this.#waiting.push(resolve))
    this.#busy++
    const caller = this.#idleOne() ?? new Caller(this.#port)
    const status = await caller.ask(this.#request)
    this.#busy--
    if (caller.usable) this.#idle.push(caller)
    else caller.close()
    this.#waiting.shift()?.()
    return status
  }

  close (): void {
    for (const caller of this.#idle) caller.close()
  }

  #idleOne (): Caller | undefined {
    let caller = this.#idle.pop()
    while (caller?.usable === false) caller = this.#idle.pop()
    return caller
  }
}
