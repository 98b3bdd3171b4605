/**
 * Calls to another service by its name. The road of a call:
 * deadline -> bulkhead -> breaker -> pick an instance -> send -> (another instance) -> answer.
 */
import { guardedAgent } from '../http/guarded-agent.ts'
import type { Agent } from '../http/undici.ts'
import { Destinations } from '../security/destinations.ts'
import type { DiscoveryClient } from '../discovery/discovery-client.ts'
import type { BreakwaterError } from '../errors.ts'
import type { Logger } from '../logger.ts'
import { starterError } from '../starter-errors.ts'
import type { CallTrace } from '../trace/call-trace.ts'
import { DEADLINE_HEADER } from '../trace/request-trace.ts'
import { attempt, AttemptFailure } from './attempt.ts'
import type { Answer, PreparedCall } from './attempt.ts'
import { Breaker } from './breaker.ts'
import type { ClientMetrics } from './client-metrics.ts'
import { Endpoints } from './endpoints.ts'
import type { Endpoint } from './endpoints.ts'
import type { ClientOptions } from './options.ts'
import { ServiceResponse } from './response.ts'
import { RetryBudget } from './retry-budget.ts'

export interface CallOptions {
  readonly headers?: Readonly<Record<string, string>>
  /** The whole call. Default: the settings'; never longer than the request being served may still take. */
  readonly timeoutMs?: number
  /** May be sent twice. Default: GET, HEAD, OPTIONS, PUT, DELETE may. Say true for a POST with an idempotency key. */
  readonly idempotent?: boolean
  readonly signal?: AbortSignal
}

export interface CallRequest extends CallOptions {
  readonly method: string
  /** Within the service, beginning with `/`, query included. */
  readonly path: string
  /** Sent as JSON. */
  readonly json?: unknown
  readonly body?: string | Buffer
}

export interface ClientDependencies {
  readonly discovery: DiscoveryClient
  readonly log: Logger
  readonly metrics: ClientMetrics
  /** Headers and spans of outgoing calls. */
  readonly trace: CallTrace
  /** Who calls, for error messages. */
  readonly caller: string
  /** Where it may connect. Default: not to what is denied by default. */
  readonly destinations?: Destinations
  readonly now?: () => number
  readonly random?: () => number
}

/** Shorter than what servers keep: a call on a connection that its server just closed fails for nothing. */
const KEEP_ALIVE_MS = 4_000
const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'])
/** Answers that another instance may well not give. */
const RETRY_STATUS = new Set([502, 503, 504])

/** One called service. Made by `app.client(name)`; shares nothing with the clients of other services. */
export class ServiceClient {
  readonly service: string
  readonly options: ClientOptions
  readonly breaker: Breaker
  readonly #deps: ClientDependencies
  readonly #now: () => number
  readonly #endpoints: Endpoints
  readonly #budget: RetryBudget
  readonly #agent: Agent
  readonly #where: string
  #running = 0

  constructor (service: string, options: ClientOptions, dependencies: ClientDependencies) {
    this.service = service
    this.options = options
    this.#deps = dependencies
    this.#now = dependencies.now ?? (() => performance.now())
    this.#where = `${dependencies.caller} -> ${service}`
    const { discovery, destinations = new Destinations(), random = Math.random } = dependencies
    this.#endpoints = new Endpoints(service, discovery, random, options.zone)
    this.#budget = new RetryBudget(options.retryBudget)
    this.#agent = guardedAgent(destinations, {
      connections: options.maxConnections,
      connect: { timeout: options.connectTimeoutMs, ...options.tls },
      keepAliveTimeout: KEEP_ALIVE_MS,
      isWritten: origin => this.#endpoints.isWritten(origin)
    })
    this.breaker = new Breaker(service, options.breaker, (state, why) =>
      dependencies.log.warn({ breaker: service, state, why }, 'breaker changed state'))
    dependencies.metrics.addBreaker(this.breaker)
  }

  get (path: string, options?: CallOptions): Promise<ServiceResponse> {
    return this.request({ ...options, method: 'GET', path })
  }

  post (path: string, json: unknown, options?: CallOptions): Promise<ServiceResponse> {
    return this.request({ ...options, method: 'POST', path, json })
  }

  put (path: string, json: unknown, options?: CallOptions): Promise<ServiceResponse> {
    return this.request({ ...options, method: 'PUT', path, json })
  }

  delete (path: string, options?: CallOptions): Promise<ServiceResponse> {
    return this.request({ ...options, method: 'DELETE', path })
  }

  /** Rejects with E_NO_INSTANCE, E_BREAKER_OPEN, E_DEADLINE, E_BULKHEAD_FULL or E_UPSTREAM; never on a status. */
  async request (request: CallRequest): Promise<ServiceResponse> {
    const call = this.#prepare(request)
    // Bound in number: what waits for a slow service holds memory and sockets of this one.
    if (this.#running >= this.options.maxConcurrentCalls) throw this.#error('E_BULKHEAD_FULL', [this.#running, this.service])
    this.#running++
    try {
      const answer = await this.#guarded(call, request)
      const where = `${this.#where} ${call.method} ${call.path}`
      return new ServiceResponse(answer.status, answer.headers, answer.body, where)
    } finally {
      this.#running--
    }
  }

  /** Lets go of instances, connections and timers. */
  async close (): Promise<void> {
    this.#endpoints.close()
    this.breaker.stop()
    await this.#agent.destroy()
  }

  /** The breaker stands before everything that costs: an open one answers in microseconds. */
  async #guarded (call: PreparedCall, request: CallRequest): Promise<Answer> {
    const token = this.breaker.enter()
    if (token === -1) throw this.#error('E_BREAKER_OPEN', [this.breaker.why, this.breaker.retryInMs(this.#now())])
    const startedMs = this.#now()
    const tried: Endpoint[] = []
    try {
      const answer = await this.#withRetries(call, request, startedMs, tried)
      const nowMs = this.#now()
      const failed = answer.status >= 500 && answer.status !== 501
      if (failed) this.breaker.failure(token, nowMs - startedMs, nowMs)
      else this.breaker.success(token, nowMs - startedMs, nowMs)
      return answer
    } catch (failure) {
      const nowMs = this.#now()
      // Who was never asked, or whose caller gave up, has not failed.
      if (tried.length === 0 || isNoVerdict(failure)) this.breaker.ignore(token)
      else this.breaker.failure(token, nowMs - startedMs, nowMs)
      throw failure
    }
  }

  async #withRetries (
    call: PreparedCall, request: CallRequest, startedMs: number, tried: Endpoint[]
  ): Promise<Answer> {
    const timeoutMs = Math.min(request.timeoutMs ?? this.options.timeoutMs, this.#deps.trace.remainingMs())
    const mayRepeat = request.idempotent ?? IDEMPOTENT.has(call.method)
    await this.#deps.discovery.ensure?.(this.service)
    this.#budget.called()
    let endpoint = this.#endpoints.pick(tried, this.#now())
    if (endpoint === undefined) throw this.#noInstance()
    for (let number = 1; ; number++) {
      const leftMs = timeoutMs - (this.#now() - startedMs)
      if (leftMs <= 0) throw this.#deadline(Math.max(0, Math.ceil(timeoutMs)), tried)
      tried.push(endpoint)
      const outcome = await this.#try(endpoint, call, leftMs)
      if (number > 1) this.#budget.release()
      const next = this.#next(outcome, mayRepeat, number, tried)
      if (next === undefined) return this.#end(outcome, tried, timeoutMs, startedMs)
      endpoint = next
    }
  }

  /** Who is asked next, or undefined when this outcome stands. Takes from the budget. */
  #next (
    outcome: Answer | AttemptFailure, mayRepeat: boolean, number: number, tried: Endpoint[]
  ): Endpoint | undefined {
    if (number >= this.options.maxAttempts || !worthRetry(outcome, mayRepeat)) return undefined
    const other = this.#endpoints.pick(tried, this.#now()) ?? sameAgain(outcome, tried)
    if (other === undefined || !this.#budget.take()) return undefined
    return other
  }

  async #try (endpoint: Endpoint, call: PreparedCall, leftMs: number): Promise<Answer | AttemptFailure> {
    const timeoutMs = Math.min(leftMs, this.options.tryTimeoutMs)
    const span = this.#deps.trace.begin(this.service, call.method, call.path)
    const headers = { ...call.headers, ...span.headers, [DEADLINE_HEADER]: String(Math.ceil(timeoutMs)) }
    const startedMs = this.#now()
    const outcome = await attempt(endpoint, { ...call, headers }, timeoutMs, this.#agent)
      .catch((failure: AttemptFailure) => failure)
    this.#learn(endpoint, outcome)
    const [status, error] = outcome instanceof AttemptFailure ? [0, outcome.kind] : [outcome.status, 'none']
    this.#deps.metrics.observe(this.service, call.method, status, error, this.#now() - startedMs)
    span.end(status, error)
    return outcome
  }

  #learn (endpoint: Endpoint, outcome: Answer | AttemptFailure): void {
    const failed = outcome instanceof AttemptFailure
    if (failed && (outcome.kind === 'abort' || outcome.kind === 'too-large')) return
    if (failed || RETRY_STATUS.has(outcome.status)) {
      this.#endpoints.failed(endpoint, failed && outcome.kind === 'connect', this.#now())
    } else this.#endpoints.succeeded(endpoint)
  }

  #end (outcome: Answer | AttemptFailure, tried: Endpoint[], timeoutMs: number, startedMs: number): Answer {
    if (!(outcome instanceof AttemptFailure)) return outcome
    if (outcome.kind === 'abort') throw outcome.cause
    if (outcome.kind === 'too-large') throw this.#error('E_BODY_TOO_LARGE', [this.options.maxBodyBytes])
    if (outcome.kind === 'timeout') throw this.#deadline(Math.min(timeoutMs, Math.ceil(this.#now() - startedMs)), tried)
    throw this.#error('E_UPSTREAM', [outcome.message, names(tried)], outcome)
  }

  #prepare (request: CallRequest): PreparedCall {
    const { method, path, json, body, headers, signal } = request
    if (!path.startsWith('/') || path.startsWith('//')) throw this.#error('E_CLIENT_PATH', [JSON.stringify(path)])
    return {
      method: method.toUpperCase(),
      path,
      headers: {
        ...(json === undefined ? {} : { 'content-type': 'application/json' }),
        accept: 'application/json',
        ...lowerCase(headers)
      },
      body: json === undefined ? body : JSON.stringify(json),
      maxBodyBytes: this.options.maxBodyBytes,
      signal
    }
  }

  #noInstance (): BreakwaterError {
    const known = this.#endpoints.all.map(({ instance }) => `${instance.instanceId} ${instance.status}`)
    const { connected, description } = this.#deps.discovery
    const details = [...known.slice(0, 5), ...(connected ? [] : [`${description} does not answer`])]
    return this.#error('E_NO_INSTANCE', [known.length, details.length === 0 ? '' : ` (${details.join(', ')})`])
  }

  #deadline (timeoutMs: number, tried: Endpoint[]): BreakwaterError {
    return this.#error('E_DEADLINE', [timeoutMs, names(tried) || 'nobody asked', this.service])
  }

  #error (code: Parameters<typeof starterError>[0], args: unknown[], cause?: unknown): BreakwaterError {
    return starterError(code, args, { where: this.#where, cause })
  }
}

/** One spelling of each name, or ours and the caller's would both be sent. */
function lowerCase (headers: Readonly<Record<string, string>> = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
}

function worthRetry (outcome: Answer | AttemptFailure, mayRepeat: boolean): boolean {
  if (!(outcome instanceof AttemptFailure)) return mayRepeat && RETRY_STATUS.has(outcome.status)
  // Nothing was sent: any method may be sent elsewhere.
  if (outcome.kind === 'connect') return true
  return mayRepeat && (outcome.kind === 'reset' || outcome.kind === 'timeout')
}

/** With one instance only: a kept-alive connection that it closed just then says nothing of the instance. */
function sameAgain (outcome: Answer | AttemptFailure, tried: Endpoint[]): Endpoint | undefined {
  return tried.length === 1 && outcome instanceof AttemptFailure && outcome.kind === 'reset' ? tried[0] : undefined
}

/** Our own errors say how the service did, but for the size of its answer; anything else is the caller's. */
function isNoVerdict (failure: unknown): boolean {
  const code = (failure as { code?: unknown } | undefined)?.code
  return typeof code !== 'string' || !code.startsWith('E_') || code === 'E_BODY_TOO_LARGE'
}

function names (tried: readonly Endpoint[]): string {
  return tried.map(({ instance }) => instance.instanceId).join(', ')
}
