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
    this.pending += accessLine(x, wallMs, elapsedMs)
    if (this.pending.length >= FLUSH_BYTES) this.flush()
  }

  /** A request that never became an exchange. */
  addRefused (remoteAddress: string, status: number, requestId: string, wallMs: number): void {
    this.pending += `{"level":30,"time":${Math.round(wallMs)},"requestId":"${requestId}","remote":"${remoteAddress}",` +
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
      writeAll(descriptor, Buffer.from(lines), done)
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

function accessLine (x: HttpExchange, wallMs: number, elapsedMs: number): string {
  const route = x.matched === undefined ? '' : `","route":"${escaped(x.matched.id)}`
  const instance = x.instance === undefined ? '' : `","instance":"${x.instance.authority}`
  const failure = x.failure === undefined ? '' : `,"failure":"${x.failure.kind}"`
  return `{"level":30,"time":${Math.round(wallMs)},"requestId":"${x.requestId}","traceId":"${x.traceId}","remote":"${x.remoteAddress}` +
    `","method":"${x.method}","path":"${escaped(x.head.rawPath)}${route}${instance}","status":${x.status},"attempts":${x.attempt},` +
    `"bytes":${x.client.outlet.bytesWritten - x.bytesBefore},"ms":${elapsedMs.toFixed(1)}${failure},"msg":"request"}\n`
}

/** Paths and addresses are printable ASCII; only these two can break out of the text. */
function escaped (path: string): string {
  return /["\\]/.test(path) ? path.replaceAll(/["\\]/g, '\\$&') : path
}
