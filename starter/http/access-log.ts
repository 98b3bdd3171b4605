/**
 * One line per finished request, in the form of every other line of the log, but joined from ready texts and written
 * once per turn of the event loop: pino's way through redaction and serializers costs more than the rest of a small
 * request. It is the logger `access`: /actuator/loggers turns it off and on.
 */
import pino from 'pino'
import type { Logger } from '../logger.ts'
import type { RequestContext } from '../trace/context.ts'

const INFO = pino.levels.values['info'] ?? 30
/** Ready texts kept, one per method and route; methods of Node's parser and declared routes are few. */
const MAX_HEADS = 2_000

interface LineStream {
  write (lines: string): unknown
}

/** Writes behind the requests; nothing is kept longer than one turn of the event loop. */
export class AccessLog {
  readonly #log: Logger
  readonly #stream: LineStream | undefined
  readonly #service: string
  readonly #heads = new Map<string, string>()
  #pending = ''
  #timeMs = 0
  #time = ''

  constructor (log: Logger) {
    this.#log = log.child({ logger: 'access' })
    // The same stream as the logger's, so that lines stay in order and whole.
    this.#stream = (log as unknown as Record<symbol, LineStream>)[pino.symbols.streamSym]
    this.#service = JSON.stringify(log.bindings()['service'] ?? '')
  }

  add (method: string, route: string | undefined, status: number, elapsedMs: number, context: RequestContext): void {
    if (this.#log.levelVal > INFO) return
    if (this.#pending === '') setImmediate(() => this.#flush())
    // Ids were checked when they came in: none holds a character that JSON would escape.
    this.#pending += `{"level":"info","time":"${this.#now()}","service":${this.#service},"logger":"access",` +
      `"requestId":"${context.requestId}","traceId":"${context.traceId}","spanId":"${context.spanId}",` +
      `${this.#head(method, route)},"status":${status},"ms":${Math.round(elapsedMs * 100) / 100},"msg":"request"}\n`
  }

  #flush (): void {
    const lines = this.#pending
    this.#pending = ''
    this.#stream?.write(lines)
  }

  #head (method: string, route = ''): string {
    const key = `${method} ${route}`
    const known = this.#heads.get(key)
    if (known !== undefined) return known
    const head = `"method":${JSON.stringify(method)}${route === '' ? '' : `,"route":${JSON.stringify(route)}`}`
    if (this.#heads.size < MAX_HEADS) this.#heads.set(key, head)
    return head
  }

  #now (): string {
    const nowMs = Date.now()
    if (nowMs !== this.#timeMs) {
      this.#timeMs = nowMs
      this.#time = new Date(nowMs).toISOString()
    }
    return this.#time
  }
}
