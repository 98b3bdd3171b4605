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
/** Pairs remembered of each kind; instances, clients and durations come and go. */
const MAX_TEXTS = 20_000

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
  private readonly askers = new KnownTexts(askerText)
  private readonly places = new KnownTexts(placeText)
  private readonly results = new KnownTexts(resultText)
  private readonly endings = new KnownTexts(endingText)
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
    // From few pieces: each costs when it is put in and when the line becomes bytes.
    return this.opening(wallMs) + x.requestId + '","traceId":"' + x.traceId + this.askers.of(x.remoteAddress, x.method) +
      escaped(x.head.rawPath) + this.places.of(x.matched?.id, x.instance?.authority) +
      this.results.of(x.status, x.attempt) + (x.client.outlet.bytesWritten - x.bytesBefore) +
      this.endings.of(x.failure?.kind, Math.round(elapsedMs * 10))
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

/** Texts of two values, made once and kept in one piece: the values are few, requests are many. */
class KnownTexts<First, Second> {
  private readonly texts = new Map<First, Map<Second, string>>()
  private readonly compose: (first: First, second: Second) => string
  private size = 0

  constructor (compose: (first: First, second: Second) => string) {
    this.compose = compose
  }

  of (first: First, second: Second): string {
    return this.texts.get(first)?.get(second) ?? this.add(first, second)
  }

  private add (first: First, second: Second): string {
    if (this.size++ >= MAX_TEXTS) this.forget()
    const text = flattened(this.compose(first, second))
    const ofFirst = this.texts.get(first) ?? new Map<Second, string>()
    this.texts.set(first, ofFirst.set(second, text))
    return text
  }

  private forget (): void {
    this.texts.clear()
    this.size = 0
  }
}

function askerText (remote: string, method: string): string {
  return `","remote":"${remote}","method":"${method}","path":"`
}

/** Behind the path. */
function placeText (route: string | undefined, instance: string | undefined): string {
  return `"${route === undefined ? '' : `,"route":${asciiJson(route)}`}${instance === undefined ? '' : `,"instance":${asciiJson(instance)}`}`
}

function resultText (status: number, attempts: number): string {
  return `,"status":${status},"attempts":${attempts},"bytes":`
}

function endingText (failure: string | undefined, tenths: number): string {
  return `,"ms":${Math.floor(tenths / 10)}.${tenths % 10}${failure === undefined ? '' : `,"failure":"${failure}"`},"msg":"request"}\n`
}

function asciiJson (text: string): string {
  return JSON.stringify(text).replaceAll(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** Of all printable ASCII but `\`, which no request target may hold, only the quote can break out of the text. */
function escaped (path: string): string {
  return path.includes('"') ? path.replaceAll('"', '\\"') : path
}
