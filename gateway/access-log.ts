/**
 * The access log: one JSON line a request in pino's form, made by joining texts, written many at a time.
 *
 * The path is logged without its query, which may hold tokens. When the disk does not keep up, lines are dropped and
 * counted rather than memory filled; a killed process loses at most the last interval.
 */
import { closeSync, openSync, write } from 'node:fs'
import type { HttpExchange } from './http1/exchange.ts'
import type { LoopCounters } from './metrics/counters.ts'

const FLUSH_BYTES = 65_536
const MAX_PENDING_BYTES = 8_388_608
const STDOUT = 1
/** Route ids and instances remembered in their quoted form. */
const MAX_QUOTED = 20_000

export interface AccessLogTarget {
  /** Writes all of `lines`, then calls back, with an error when it could not. */
  write (lines: string, done: (fault: Error | null) => void): void
  close (): void
}

export class AccessLog {
  private pending = ''
  private writing = false
  private readonly target: AccessLogTarget
  private readonly counters: LoopCounters
  private readonly quoted = new QuotedTexts()
  private lastMs = -1
  private lastMsText = ''
  private idle: (() => void) | undefined = undefined

  constructor (target: AccessLogTarget, counters: LoopCounters) {
    this.target = target
    this.counters = counters
  }

  add (x: HttpExchange, wallMs: number, elapsedMs: number): void {
    if (this.pending.length > MAX_PENDING_BYTES) {
      this.counters.breakwater_gateway_access_log_dropped_total++
      return
    }
    this.pending += this.line(x, wallMs, elapsedMs)
    if (this.pending.length >= FLUSH_BYTES) this.flush()
  }

  private line (x: HttpExchange, wallMs: number, elapsedMs: number): string {
    const route = x.matched === undefined ? '' : `,"route":${this.quoted.of(x.matched.id)}`
    const instance = x.instance === undefined ? '' : `,"instance":${this.quoted.of(x.instance.authority)}`
    const failure = x.failure === undefined ? '' : `,"failure":"${x.failure.kind}"`
    return `{"level":30,"time":${this.timeText(wallMs)},"requestId":"${x.requestId}","traceId":"${x.traceId}","remote":` +
      `"${x.remoteAddress}","method":"${x.method}","path":"${escaped(x.head.rawPath)}"${route}${instance},"status":${x.status},` +
      `"attempts":${x.attempt},"bytes":${x.client.outlet.bytesWritten - x.bytesBefore},"ms":${tenths(elapsedMs)}${failure},"msg":"request"}\n`
  }

  /** Many requests end in the same millisecond. */
  private timeText (wallMs: number): string {
    const rounded = Math.round(wallMs)
    if (rounded !== this.lastMs) {
      this.lastMs = rounded
      this.lastMsText = String(rounded)
    }
    return this.lastMsText
  }

  /** A request that never became an exchange. */
  addRefused (remoteAddress: string, status: number, requestId: string, wallMs: number): void {
    this.pending += `{"level":30,"time":${this.timeText(wallMs)},"requestId":"${requestId}","remote":"${remoteAddress}",` +
      `"status":${status},"failure":"malformed request","msg":"request"}\n`
  }

  /** Called a few times a second, and when enough has gathered. */
  flush (): void {
    if (this.writing || this.pending === '') return
    const lines = this.pending
    this.pending = ''
    this.writing = true
    this.target.write(lines, (fault) => {
      this.writing = false
      if (fault !== null) this.counters.breakwater_gateway_access_log_dropped_total++
      this.idle?.()
    })
  }

  /** Writes what is left. */
  async stop (): Promise<void> {
    while (this.writing || this.pending !== '') {
      this.flush()
      await new Promise<void>((resolve) => { this.idle = resolve })
    }
    this.target.close()
  }
}

/** Appends to a file, so that several workers (and a process that takes over) can share it; stdout without a name. */
export function fileTarget (file: string | undefined): AccessLogTarget {
  const descriptor = file === undefined ? STDOUT : openSync(file, 'a', 0o640)
  return {
    write (lines, done) {
      // Lines are ASCII, whatever a route is called: latin1 is copied where UTF-8 would be examined.
      writeAll(descriptor, Buffer.from(lines, 'latin1'), done)
    },
    close () {
      if (descriptor !== STDOUT) closeSync(descriptor)
    }
  }
}

function writeAll (descriptor: number, bytes: Buffer, done: (fault: Error | null) => void): void {
  write(descriptor, bytes, (fault, written) => {
    if (fault !== null) done(fault)
    else if (written < bytes.length) writeAll(descriptor, bytes.subarray(written), done)
    else done(null)
  })
}

/** Texts that come again with every request, made fit for JSON once. */
class QuotedTexts {
  private readonly known = new Map<string, string>()

  of (text: string): string {
    return this.known.get(text) ?? this.add(text)
  }

  private add (text: string): string {
    if (this.known.size >= MAX_QUOTED) this.known.clear()
    const quoted = JSON.stringify(text).replaceAll(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    this.known.set(text, quoted)
    return quoted
  }
}

/** One decimal. Fixed-point formatting of a number that is no integer costs more than the rest of the line. */
function tenths (ms: number): string {
  const total = Math.round(ms * 10)
  return `${Math.floor(total / 10)}.${total % 10}`
}

/** Of all printable ASCII but `\`, which no request target may hold, only the quote can break out of the text. */
function escaped (path: string): string {
  return path.includes('"') ? path.replaceAll('"', '\\"') : path
}
