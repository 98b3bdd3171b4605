/**
 * One line per finished request, in the form of every other line of the log, but joined from ready texts: pino's way
 * through redaction and serializers costs more than the rest of a small request. It is the logger `access`:
 * /actuator/loggers turns it off and on.
 *
 * Lines are written many at a time, because a write wakes whoever reads them, so they may come after later lines of
 * other loggers; their time says when it was. A process that is killed loses those of the last tenth of a second.
 */
import pino from 'pino'
import type { Logger } from '../logger.ts'
import type { RequestContext } from '../trace/context.ts'

const INFO = pino.levels.values['info'] ?? 30
/** Ready texts kept, one per method and route; methods of Node's parser and declared routes are few. */
const MAX_HEADS = 2_000

const FLUSH_MS = 100
const FLUSH_CHARACTERS = 65_536

interface LineStream {
  write (lines: string): unknown
}

export class AccessLog {
  readonly #log: Logger
  readonly #stream: LineStream | undefined
  readonly #service: string
  readonly #heads = new Map<string, string>()
  #pending = ''
  #timer: NodeJS.Timeout | undefined
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
    if (this.#pending === '') this.#timer = setTimeout(() => this.flush(), FLUSH_MS)
    // Ids were checked when they came in: none holds a character that JSON would escape.
    this.#pending += `{"level":"info","time":"${this.#now()}","service":${this.#service},"logger":"access",` +
      `"requestId":"${context.requestId}","traceId":"${context.traceId}","spanId":"${context.spanId}",` +
      `${this.#head(method, route)},"status":${status},"ms":${Math.round(elapsedMs * 100) / 100},"msg":"request"}\n`
    if (this.#pending.length >= FLUSH_CHARACTERS) this.flush()
  }

  /** Writes what there is; to be called once more at the end. */
  flush (): void {
    clearTimeout(this.#timer)
    const lines = this.#pending
    this.#pending = ''
    if (lines !== '') this.#stream?.write(lines)
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
