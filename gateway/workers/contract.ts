/**
 * What the data plane and the control loop are to each other.
 *
 * Every event loop of the data plane (worker thread, or the main thread when `workers` is 0) loads one module of the
 * routing side, `gateway/routes/compile.ts` unless `compilerModule` says otherwise, and calls its `createCompiler`
 * once. Snapshots are structured-cloneable plain data: they cross to the workers by message, and each worker compiles
 * its own table from them. Routes, sockets and pools are each worker's own, so nothing is locked; what a user
 * configures as one number is counted in cells of shared memory (`shared/`).
 */
import type { Listening } from '@breakwater/starter/security'
import type { CacheAccess } from '../cache/cache-owner.ts'
import type { Exchange, Reply } from '../exchange.ts'
import type { RouteTable } from '../routes/route.ts'
import type { LoopPlace } from '../shared/shared-cells.ts'
import type { HealthCheck } from '../upstream/health-checks.ts'
import type { Probe } from '../upstream/probe.ts'

/** Plain data from the control loop: definitions, instances, breaker settings. Its shape belongs to the compiler. */
export type Snapshot = object

/** What a worker lends to the compiler. */
export interface WorkerHost {
  /** Monotonic milliseconds, the clock of every `nowMs` argument: the same in all workers. */
  now (): number
  readonly place: LoopPlace
  /** Answers that are kept for the whole gateway. */
  readonly cache: CacheAccess
  random (): number
  /** Application log; goes to the control loop's pino. Never called per request. */
  log (level: 'debug' | 'info' | 'warn' | 'error', message: string, fields?: Readonly<Record<string, unknown>>): void
  /** Tells the control loop something it should know now (a breaker opened); arrives at `onEvent`. */
  emit (topic: string, payload: unknown): void
  /** Asks an instance how it is; not there where nothing is served. */
  readonly check?: HealthCheck
  /** Asks whether somebody listens; not there where nothing is served. */
  readonly probe?: Probe
}

/** A handler inside the gateway for `forward:` targets that no route takes: fallback pages, code-defined routes. */
export interface LocalHandler {
  /** Bodies up to this are collected and handed over; more is 413. 0 = the body is read and dropped. */
  readonly maxBodyBytes: number
  handle (x: Exchange, body: Buffer): Reply | Promise<Reply>
}

/** The routing side inside one worker. It keeps breakers and instance counters from one snapshot to the next. */
export interface Compiler {
  /** Throws when the snapshot cannot be compiled: the worker keeps its old table and tells the control loop why. */
  compile (snapshot: Snapshot): RouteTable
  /**
   * The handler for a local path (`forward:/fallback`), or undefined (404). Asked twice: `exact` first, for handlers
   * made for this very path (as in Spring they come before routes), then, when no route matches, for any.
   */
  local? (path: string, exact: boolean): LocalHandler | undefined
  /** Answers a question of the control loop (`breakers`, `explain`, ...) with plain data. */
  ask? (question: string, payload: unknown): unknown
  stop? (): void
}

export type CreateCompiler = (host: WorkerHost) => Compiler

/** One cell of `spring.cloud.gateway.requests`, added up over workers. */
export interface RequestCell {
  readonly routeId: string
  readonly routeUri: string
  readonly method: string
  readonly status: number
  count: number
  sumSeconds: number
  /** One more than BUCKETS_SECONDS: the last is +Inf; not cumulative. */
  readonly buckets: number[]
}

/** Counters of the data plane since it started, added up over all workers, dead ones included. */
export interface DataPlaneMetrics {
  readonly requests: readonly RequestCell[]
  /** Plain counters and gauges by Prometheus name, without labels. */
  readonly counters: Readonly<Record<string, number>>
  readonly gauges: Readonly<Record<string, number>>
}

/** The data plane as the control loop holds it. */
export interface DataPlane {
  /** Resolves when every worker listens. `url` names the real port when 0 was asked for. */
  start (): Promise<{ readonly url: string, readonly port: number }>
  /** Compiles everywhere; resolves when every worker serves it, rejects with the first fault (old tables stay). */
  apply (snapshot: Snapshot): Promise<void>
  /** Asks every worker; answers in worker order, those that missed the deadline left out. */
  ask (question: string, payload?: unknown): Promise<unknown[]>
  metrics (): Promise<DataPlaneMetrics>
  /** Where this process listens besides the data port: no request is sent there, nor to the data port. */
  keepFrom (listening: readonly Listening[]): Promise<void>
  /** What workers emit, and `loop-ended` for one that is no more. */
  onEvent (listener: (topic: string, payload: unknown, worker: number) => void): void
  /** Stops accepting, announces `Connection: close`, waits for what is in flight up to the deadline, then cuts. */
  stop (deadlineMs?: number): Promise<void>
  /** Event loops that there are to be. */
  readonly loops: number
  /** Event loops that serve now, for health. */
  readonly workersAlive: number
}
