/** One connection that hides nothing: sends bytes as they are, and tells what came back and when it ended. */
import { connect, type Socket } from 'node:net'
import { answersIn, type Answer } from './answers.ts'

export interface Exchange {
  readonly answers: readonly Answer[]
  /** Everything that came back. */
  readonly text: string
  readonly bytes: number
  /** When the server ended the connection, in ms from its begin; undefined: it did not. */
  readonly endedMs: number | undefined
}

export interface ExchangeOptions {
  readonly trickle?: { readonly piece: string, readonly everyMs: number } | undefined
  readonly halfClose?: boolean | undefined
  /** Waits for the connection to end, and not for an answer. */
  readonly untilEnd?: boolean
  readonly patienceMs: number
}

/** What is kept of an answer: enough to look for texts in. */
const MAX_KEPT = 4 * 1024 * 1024
/** A second answer to what must be one request comes by then. */
const AFTERMATH_MS = 60

/** Never rejects: a connection that cannot be made has ended at once and without an answer. */
export function exchange (host: string, port: number, bytes: string, options: ExchangeOptions): Promise<Exchange> {
  const { trickle, halfClose = false, untilEnd = false, patienceMs } = options
  const method = /^[A-Z]+/.exec(bytes)?.[0]
  return new Promise(resolve => {
    const startedMs = performance.now()
    const socket = connect({ host, port, noDelay: true })
    let [text, count] = ['', 0]
    let endedMs: number | undefined
    const timers: NodeJS.Timeout[] = [setTimeout(() => { finish() }, patienceMs)]
    const finish = (): void => {
      for (const timer of timers) clearTimeout(timer)
      socket.destroy()
      resolve({ answers: answersIn(text, endedMs !== undefined, method), text, bytes: count, endedMs })
    }
    socket.on('error', () => {}).on('close', () => {
      endedMs ??= performance.now() - startedMs
      finish()
    })
    socket.on('end', () => { endedMs ??= performance.now() - startedMs })
    socket.on('data', (chunk: Buffer) => {
      count += chunk.length
      if (text.length < MAX_KEPT) text += chunk.toString('latin1')
      if (!untilEnd && timers.length === 1 && answersIn(text, false, method).length > 0) {
        timers.push(setTimeout(finish, AFTERMATH_MS))
      }
    })
    socket.on('connect', () => {
      if (halfClose) socket.end(bytes, 'latin1')
      else socket.write(bytes, 'latin1')
      if (trickle !== undefined) timers.unshift(trickling(socket, trickle))
    })
  })
}

function trickling (socket: Socket, { piece, everyMs }: { piece: string, everyMs: number }): NodeJS.Timeout {
  return setInterval(() => { if (socket.writable) socket.write(piece, 'latin1') }, everyMs)
}
