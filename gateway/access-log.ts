/**
 * The access log: one JSON line a request in the form of all logs of the platform, made by joining texts and written
 * many at a time.
 *
 * The path is logged without its query, which may hold tokens. When the disk does not keep up, lines are dropped and
 * counted rather than memory filled; a killed process loses at most the last interval.
 */
import { closeSync, openSync, writev } from 'node:fs'
import { error } from './errors.ts'
import { flattened } from './http1/characters.ts'
import type { HttpExchange } from './http1/exchange.ts'
import type { LoopCounters } from './metrics/counters.ts'

const PAGE_BYTES = 4_096
const FLUSH_BYTES = 65_536
const MAX_PENDING_BYTES = 8_388_608
const STDOUT = 1
/** A reader of stdout that takes nothing is asked again this often, and given up after so long. */
const AGAIN_MS = 10
const PATIENCE_MS = 20_000
/** Pairs of route and instance remembered; instances come and go. */
const MAX_PLACES = 20_000

export interface AccessLogTarget {
  /** Writes all of `pages`, then calls back, with an error when it could not. */
  write (pages: readonly Buffer[], done: (fault: Error | null) => void): void
  close (): void
}

export class AccessLog {
  /** Lines that are not yet bytes, and pages of bytes that are not yet written. */
  private lines = ''
  private pages: Buffer[] = []
  private pagesBytes = 0
  private writing = false
  private readonly target: AccessLogTarget
  private readonly counters: LoopCounters
  private readonly service: string
  private readonly texts = new KnownTexts()
  private openingMs = -1
  private openingText = ''
  private idle: (() => void) | undefined = undefined

  constructor (target: AccessLogTarget, counters: LoopCounters, service: string) {
    this.target = target
    this.counters = counters
    this.service = asciiJson(service)
  }

  add (x: HttpExchange, wallMs: number, elapsedMs: number): void {
    this.append(this.line(x, wallMs, elapsedMs))
  }

  private append (line: string): void {
    if (this.pagesBytes > MAX_PENDING_BYTES) {
      this.counters.breakwater_gateway_access_log_dropped_total++
      return
    }
    this.lines += line
    if (this.lines.length >= PAGE_BYTES) this.turnPage()
    if (this.pagesBytes >= FLUSH_BYTES) this.flush()
  }

  /** A few lines at a time, while their pieces are in the processor's cache: all at once costs three times as much. */
  private turnPage (): void {
    // Lines are ASCII, whatever a route is called: latin1 is copied where UTF-8 would be examined.
    const page = Buffer.from(this.lines, 'latin1')
    this.lines = ''
    this.pages.push(page)
    this.pagesBytes += page.length
  }

  private line (x: HttpExchange, wallMs: number, elapsedMs: number): string {
    const failure = x.failure === undefined ? '' : `,"failure":"${x.failure.kind}"`
    return `${this.opening(wallMs)}${x.requestId}","traceId":"${x.traceId}","remote":"${x.remoteAddress}","method":"${x.method}` +
      `","path":"${escaped(x.head.rawPath)}"${this.texts.place(x.matched?.id, x.instance?.authority)},"status":${x.status}` +
      `,"attempts":${x.attempt},"bytes":${x.client.outlet.bytesWritten - x.bytesBefore},"ms":${tenths(elapsedMs)}${failure},"msg":"request"}\n`
  }

  /** Many requests end in the same millisecond. */
  private opening (wallMs: number): string {
    const rounded = Math.round(wallMs)
    if (rounded !== this.openingMs) {
      this.openingMs = rounded
      this.openingText = flattened(`{"level":"info","time":"${new Date(rounded).toISOString()}","service":${this.service},` +
        '"logger":"access","requestId":"')
    }
    return this.openingText
  }

  /** A request that never became an exchange. */
  addRefused (remoteAddress: string, status: number, requestId: string, wallMs: number): void {
    this.append(`${this.opening(wallMs)}${requestId}","remote":"${remoteAddress}",` +
      `"status":${status},"failure":"malformed request","msg":"request"}\n`)
  }

  /** Called a few times a second, and when enough has gathered. */
  flush (): void {
    if (this.lines !== '') this.turnPage()
    if (this.writing || this.pages.length === 0) return
    const { pages } = this
    this.pages = []
    this.pagesBytes = 0
    this.writing = true
    this.target.write(pages, (fault) => {
      this.writing = false
      if (fault !== null) this.counters.breakwater_gateway_access_log_dropped_total++
      this.idle?.()
    })
  }

  /** Writes what is left. */
  async stop (): Promise<void> {
    while (this.writing || this.lines !== '' || this.pages.length > 0) {
      this.flush()
      await new Promise<void>((resolve) => { this.idle = resolve })
    }
    this.target.close()
  }
}

/** Appends to a file, so that several workers (and a process that takes over) can share it; stdout without a name. */
export function fileTarget (file: string | undefined): AccessLogTarget {
  const descriptor = file === undefined ? STDOUT : open(file)
  return {
    write (pages, done) {
      writeAll(descriptor, pages, done)
    },
    close () {
      if (descriptor !== STDOUT) closeSync(descriptor)
    }
  }
}

function open (file: string): number {
  try {
    return openSync(file, 'a', 0o640)
  } catch (cause) {
    throw error('E_GATEWAY_ACCESS_LOG', [file, (cause as Error).message], { cause })
  }
}

type Done = (fault: Error | null) => void

function writeAll (descriptor: number, pages: readonly Buffer[], done: Done, waitedMs = 0): void {
  writev(descriptor, pages, (fault, written) => {
    // A pipe that is full: half a line may be in it already, so that the rest has to follow.
    if (fault?.code === 'EAGAIN' && waitedMs < PATIENCE_MS) {
      setTimeout(() => writeAll(descriptor, pages, done, waitedMs + AGAIN_MS), AGAIN_MS)
    } else if (fault !== null) done(fault)
    else if (written === pages.reduce((total, page) => total + page.length, 0)) done(null)
    else writeAll(descriptor, [Buffer.concat(pages).subarray(written)], done)
  })
}

/** Where requests end, as text that is made once: routes and instances are few, requests are many. */
class KnownTexts {
  private readonly places = new Map<string | undefined, Map<string | undefined, string>>()
  private size = 0

  place (route: string | undefined, instance: string | undefined): string {
    return this.places.get(route)?.get(instance) ?? this.add(route, instance)
  }

  private add (route: string | undefined, instance: string | undefined): string {
    if (this.size++ >= MAX_PLACES) this.forget()
    const text = (route === undefined ? '' : `,"route":${asciiJson(route)}`) +
      (instance === undefined ? '' : `,"instance":${asciiJson(instance)}`)
    const ofRoute = this.places.get(route) ?? new Map<string | undefined, string>()
    this.places.set(route, ofRoute.set(instance, flattened(text)))
    return text
  }

  private forget (): void {
    this.places.clear()
    this.size = 0
  }
}

function asciiJson (text: string): string {
  return JSON.stringify(text).replaceAll(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
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
