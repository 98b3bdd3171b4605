/** What the data plane asks of the resilience side: who next, may I, how did it go. Plain calls, no promises. */
import type { Exchange, FailureKind } from '../exchange.ts'

/** One upstream address with the counters that decide about it. */
export interface Instance {
  readonly id: string
  readonly host: string
  readonly port: number
  readonly secure: boolean
  /** `host:port`, ready for the Host header. */
  readonly authority: string
  /** `host: <authority>` with its line end. */
  readonly hostLine: string
  readonly zone: string | undefined
  readonly metadata: Readonly<Record<string, string>>
  /** The operator wrote the address; nobody registered it, and no client sent it. */
  readonly written: boolean
  /** Speaks HTTP/2 (true) or only HTTP/1.1 (false), as it says itself; undefined: the configuration decides. */
  readonly http2: boolean | undefined
  /** Requests in flight on it from this worker; the data plane counts up and down. */
  active: number
  /** Connection pool of the data plane; made on first use, closed when the instance has gone and is idle. */
  pool: unknown
}

export type TryFailure = 'connect' | 'reset' | 'timeout' | 'status'
/** `overtaken`: a second try, sent later, was answered first. */
export type TryOutcome = TryFailure | 'overtaken' | undefined

export interface Cluster {
  readonly name: string
  readonly instances: readonly Instance[]
  /** P2C least request over the eligible ones without `x.tried`; undefined when there is none. */
  pick (x: Exchange): Instance | undefined
  /** For tries beyond the first: retries and hedges draw from the same. */
  readonly budget: { take (nowMs: number): boolean, release (count: number): void }
  /** How a try ended. `elapsedMs` to the response head; `failure` undefined = the instance did its job. */
  report (instance: Instance, failure: TryOutcome, elapsedMs: number, nowMs: number): void
}

/** A breaker in closed state is integers only; opossum is told of transitions. */
export interface Breaker {
  readonly name: string
  /** A token to hand back, or -1 when the call is refused. Tokens of an older state are ignored when handed back. */
  enter (nowMs: number): number
  success (token: number, elapsedMs: number, nowMs: number): void
  /** `kind` lets `recordExceptions` and `ignoreExceptions` tell failures apart; without it the failure counts. */
  failure (token: number, elapsedMs: number, nowMs: number, kind?: FailureKind): void
  /** Neither (client abort, bulkhead): frees a half-open permit without counting. */
  ignore (token: number): void
}

export interface Bulkhead {
  enter (nowMs: number): boolean
  leave (): void
  /** How a try went: what an adaptive limit learns from. `dropped`: no answer in time, or a 503. */
  observe (elapsedMs: number, dropped: boolean, nowMs: number): void
}

/** When a second try is sent beside one that takes long. */
export interface HedgePolicy {
  /** Milliseconds after the request is out; 0 = not (yet). */
  delayMs (nowMs: number): number
  /** How long the head of a good answer took. */
  observe (elapsedMs: number, nowMs: number): void
}

export interface RetryPolicy {
  /** Extra tries beyond the first. */
  readonly retries: number
  readonly maxBodyBytes: number
  readonly perTryTimeoutMs: number
  /** May this failure be tried again? Checks method, status, failure kind and the budget; takes from the budget. */
  allows (x: Exchange, failure: TryFailure, status: number, nowMs: number): boolean
  /** Milliseconds before the next try, 0 for at once. */
  delayMs (attempt: number): number
}
