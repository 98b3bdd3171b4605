/**
 * The tries of one call: guard it, pick an instance, send, and decide what a failure leads to.
 *
 * A try ends in exactly one of three ways: its answer's head is in (`Gateway.responseHead`), it failed here, or the
 * client left. Each releases the instance's counter once; only the first two are reported to the cluster.
 */
import type { FailureKind } from '../exchange.ts'
import type { Gateway } from '../gateway.ts'
import type { HttpExchange } from '../http1/exchange.ts'
import { isIdempotent } from '../http1/methods.ts'
import { upstreamHead } from '../http1/upstream-head.ts'
import type { Loop } from '../loop.ts'
import { Hedges } from './hedges.ts'
import { poolOf } from './pool.ts'
import type { UpstreamConnection } from './upstream-connection.ts'
import type { Instance, TryFailure, TryOutcome } from './upstream.ts'

/** A body that came whole with its head is kept for a replay without anybody asking: it is in memory anyway. */
const FREE_REPLAY_BYTES = 16_384

const STATUS_OF_FAILURE: Readonly<Record<FailureKind, number>> = {
  connect: 502, reset: 502, protocol: 502, timeout: 504, 'no-instance': 503, 'breaker-open': 503, bulkhead: 503,
  status: 502, 'client-abort': 499
}

export class Tries {
  readonly hedges: Hedges
  private readonly gateway: Gateway
  private readonly loop: Loop

  constructor (gateway: Gateway) {
    this.gateway = gateway
    this.loop = gateway.loop
    this.hedges = new Hedges(this, gateway.loop)
  }

  /** May the call be made at all? Refused here it costs nothing and waits for nothing. */
  guard (x: HttpExchange): void {
    const { bulkhead, breaker } = x.route
    if (bulkhead !== undefined && !bulkhead.enter(this.loop.clock.coarseMs)) return this.giveUp(x, 'bulkhead', 'too many calls at once')
    x.inBulkhead = bulkhead !== undefined
    if (breaker !== undefined) {
      x.breakerToken = breaker.enter(this.loop.clock.coarseMs)
      if (x.breakerToken < 0) return this.giveUp(x, 'breaker-open', `circuit breaker ${breaker.name} is open`)
    }
    this.tryNext(x, false)
  }

  private tryNext (x: HttpExchange, sameFresh: boolean): void {
    const instance = sameFresh ? x.instance : this.pick(x)
    if (instance === undefined) return this.giveUp(x, 'no-instance', `no instance of ${this.targetName(x)} is available`)
    this.begin(x, instance, sameFresh)
  }

  /** One more try, on `instance`. */
  begin (x: HttpExchange, instance: Instance, sameFresh: boolean): void {
    x.instance = instance
    x.attempt++
    this.loop.counters.breakwater_gateway_tries_total++
    x.counted = true
    instance.active++
    x.tryStartedMs = x.attempt === 1 && x.tried.length === 0 ? x.startedMs : this.loop.clock.now()
    const result = poolOf(x, this.loop).acquire(x, sameFresh)
    if (result === 'attached') this.send(x)
    else if (result === 'overflow') this.unsent(x, 'connect', 'too many requests wait for a connection')
  }

  /** A connection is being made for it. */
  connecting (x: HttpExchange): void {
    x.deadlineMs = this.loop.clock.now() + this.connectTimeoutMs(x)
  }

  private connectTimeoutMs (x: HttpExchange): number {
    return x.route.connectTimeoutMs || this.loop.options.upstream.connectTimeoutMs
  }

  /** The pool is full, or nothing was under way when the time was over: that says nothing about the instance. */
  private unsent (x: HttpExchange, kind: 'connect' | 'timeout', message: string): void {
    if (x.other !== null) return this.hedges.goOn(x)
    const picked = x.counted
    this.release(x)
    if (x.responded) return this.cutShort(x)
    const nowMs = this.loop.clock.now()
    if (picked && this.goesElsewhere(x, nowMs)) return
    if (nowMs < x.totalDeadlineMs && this.mayRetry(x, 'connect', 0, nowMs)) return this.retry(x)
    this.giveUp(x, kind, message)
  }

  /**
   * Nothing of the request was sent: another instance gets it, whatever the method. That is no retry, so it needs
   * nobody's leave and costs no budget. Each instance is asked once, and none any more when the time to connect is over
   * (the first to use all of it is forgiven).
   */
  private goesElsewhere (x: HttpExchange, nowMs: number): boolean {
    const { target } = x.route
    if (target.kind !== 'cluster' || x.upstreamUri !== undefined || !x.body.replayable || nowMs >= x.totalDeadlineMs) return false
    if (x.unreached.length > 0 && nowMs - x.seekingSinceMs > this.connectTimeoutMs(x)) return false
    if (x.unreached.length === 0) x.seekingSinceMs = x.tryStartedMs
    x.unreached.push(x.instance!)
    x.tried.push(x.instance!)
    const next = target.cluster.pick(x)
    if (next === undefined || x.unreached.includes(next)) return false
    x.attempt--
    this.loop.counters.breakwater_gateway_redirected_total++
    x.body.rewind()
    this.begin(x, next, false)
    return true
  }

  private pick (x: HttpExchange): Instance | undefined {
    if (x.upstreamUri !== undefined) return this.loop.direct.of(x.upstreamUri)
    const { target } = x.route
    return target.kind === 'cluster' ? target.cluster.pick(x) : undefined
  }

  private targetName (x: HttpExchange): string {
    const { target } = x.route
    return target.kind === 'cluster' ? target.cluster.name : x.route.id
  }

  /** The connection that the exchange waited for is there. */
  connected (x: HttpExchange, connection: UpstreamConnection): void {
    this.hedges.turnTo(x, connection)
    if (x.upstream !== null && x.active) this.send(x)
  }

  private send (x: HttpExchange): void {
    const upstream = x.upstream!
    x.deadlineMs = Infinity
    upstream.outlet.add(upstreamHead(x, this.loop))
    this.sendPending(x, upstream)
    // What the upstream has taken at once it does not ask for again: nothing else would make the client go on.
    x.client.adjustReading()
  }

  private sendPending (x: HttpExchange, upstream: UpstreamConnection): void {
    const { body, route: { retry } } = x
    const keepBytes = retry === undefined ? FREE_REPLAY_BYTES : Math.max(FREE_REPLAY_BYTES, retry.maxBodyBytes)
    const isLast = upstream.returnsBuffers && !body.keepsWithin(keepBytes)
    for (const piece of body.pending) {
      if (typeof piece === 'string') upstream.outlet.add(piece)
      else upstream.outlet.addBuffer(piece, isLast)
    }
    upstream.outlet.flush()
    body.written(keepBytes)
    if (body.done) this.awaitAnswer(x)
  }

  /** The request is out: from now on the upstream has its time. */
  private awaitAnswer (x: HttpExchange): void {
    if (x.responded) return
    const perTryMs = x.route.retry?.perTryTimeoutMs ?? 0
    // A handshake is no work for an instance: one that does not answer it is not there.
    const responseMs = x.route.responseTimeoutMs || (x.wantsUpgrade ? this.connectTimeoutMs(x) : 0)
    const patienceMs = perTryMs > 0 && (responseMs === 0 || perTryMs < responseMs) ? perTryMs : responseMs
    if (patienceMs > 0) x.deadlineMs = Math.max(x.tryStartedMs, this.loop.clock.coarseMs) + patienceMs
    if (x.route.hedge !== undefined) this.hedges.schedule(x)
  }

  /** More of the body is in. */
  bodyArrived (x: HttpExchange): void {
    if (x.upstream?.connected === true) this.sendPending(x, x.upstream)
  }

  /** The current try has failed. `connection` is the one it failed on, when there was one; `sent` false: unused. */
  failed (x: HttpExchange, kind: 'connect' | 'reset' | 'timeout' | 'protocol', message: string, connection?: UpstreamConnection,
    sent = kind !== 'connect' && connection?.refused !== true): void {
    if (x.answered) return x.client.uploadFailed()
    const nowMs = this.loop.clock.now()
    this.hedges.turnTo(x, connection)
    const stale = connection !== undefined && this.wasStale(x, kind, connection)
    // A second try that still waits in its pool would be given its connection in this one's place.
    if (stale && x.other?.upstream !== null) return this.replay(x)
    const reported = kind === 'protocol' ? 'reset' : kind
    if (!stale) this.report(x, reported, nowMs - x.tryStartedMs, nowMs)
    if (x.other !== null) return this.hedges.goOn(x)
    this.release(x)
    if (x.responded) return this.cutShort(x)
    if (!sent && this.goesElsewhere(x, nowMs)) return
    if (kind !== 'protocol' && nowMs < x.totalDeadlineMs && this.mayRetry(x, kind, 0, nowMs)) return this.retry(x)
    this.giveUp(x, kind, message)
  }

  /** A kept-alive connection that was closed while it lay idle says nothing about the instance: once more, for free. */
  private wasStale (x: HttpExchange, kind: string, connection: UpstreamConnection): boolean {
    return kind === 'reset' && !connection.answering && !x.replayed && !x.responded && x.body.replayable &&
      (connection.refused || ((connection.warm || connection.requests > 1) && isIdempotent(x.method)))
  }

  private replay (x: HttpExchange): void {
    x.replayed = true
    this.release(x)
    x.body.rewind()
    this.tryNext(x, true)
  }

  mayRetry (x: HttpExchange, kind: TryFailure, status: number, nowMs: number): boolean {
    const { retry } = x.route
    const allowed = retry !== undefined && !x.responded && x.body.replayable &&
      x.attempt <= retry.retries && retry.allows(x, kind, status, nowMs)
    if (allowed) x.taken++
    return allowed
  }

  /** Another instance, at once or after the route's delay. */
  retry (x: HttpExchange): void {
    this.loop.counters.breakwater_gateway_retries_total++
    if (x.instance !== undefined && x.tried.at(-1) !== x.instance) x.tried.push(x.instance)
    x.deadlineMs = Infinity
    x.body.rewind()
    const delayMs = x.route.retry?.delayMs(x.attempt) ?? 0
    if (delayMs <= 0) return this.tryNext(x, false)
    const { serial } = x
    setTimeout(() => {
      if (x.serial === serial && x.active && x.upstream === null) this.tryNext(x, false)
    }, delayMs).unref()
  }

  /** No try is left: the fallback, or the error. */
  giveUp (x: HttpExchange, kind: FailureKind, message: string): void {
    x.deadlineMs = Infinity
    x.failure = { kind, message }
    this.settleBreaker(x, true, this.loop.clock.now())
    this.gateway.unanswered(x, STATUS_OF_FAILURE[kind])
  }

  /** Tells the breaker, once. */
  settleBreaker (x: HttpExchange, failed: boolean, nowMs: number): void {
    const token = x.breakerToken
    x.breakerToken = -1
    if (token < 0) return
    if (failed) x.route.breaker!.failure(token, nowMs - x.startedMs, nowMs, x.failure?.kind ?? 'status')
    else x.route.breaker!.success(token, nowMs - x.startedMs, nowMs)
  }

  /** The head was passed on, the rest will not come: the client must see a broken answer, not a short one. */
  private cutShort (x: HttpExchange): void {
    x.failure ??= { kind: 'reset', message: 'the upstream broke off its answer' }
    x.client.cut()
  }

  report (x: HttpExchange, failure: TryOutcome, elapsedMs: number, nowMs: number): void {
    const { bulkhead, target } = x.route
    if (bulkhead !== undefined) {
      // Refused connections, resets and plain errors are about an instance, not about too many calls.
      const dropped = failure === 'timeout' || (failure === 'status' && x.response.status === 503)
      if (failure === undefined || dropped) bulkhead.observe(elapsedMs, dropped, nowMs)
    }
    if (target.kind === 'cluster' && x.instance !== undefined && x.upstreamUri === undefined) {
      target.cluster.report(x.instance, failure, elapsedMs, nowMs)
    }
  }

  /** The instance no longer works on this exchange. */
  release (x: HttpExchange): void {
    if (!x.counted) return
    x.counted = false
    x.instance!.active--
  }

  /** What the exchange took of the service's budget for tries beyond the first. */
  giveBack (x: HttpExchange): void {
    const { target } = x.route
    if (x.taken > 0 && target.kind === 'cluster') target.cluster.budget.release(x.taken)
    x.taken = 0
  }

  /** The route's bulkhead has room for another. */
  leave (x: HttpExchange): void {
    if (!x.inBulkhead) return
    x.inBulkhead = false
    x.route.bulkhead!.leave()
  }

  /** Ends the call without judging the upstream. */
  abandon (x: HttpExchange): void {
    if (x.other !== null) this.hedges.dropOther(x)
    if (x.upstream !== null) x.upstream.detach(x, false)
    else if (x.counted) poolOf(x, this.loop).leave(x)
    if (x.breakerToken >= 0) x.route.breaker!.ignore(x.breakerToken)
    x.breakerToken = -1
    this.release(x)
    this.leave(x)
  }

  sweep (x: HttpExchange, nowMs: number): void {
    if (x.other !== null) this.hedges.sweep(x, nowMs)
    if (nowMs > x.deadlineMs || nowMs > x.totalDeadlineMs) return this.timedOut(x)
    const { streamIdleTimeoutMs: silenceMs, writeTimeoutMs } = this.loop.options.limits
    const { upstream } = x
    if (upstream?.stuck(nowMs, writeTimeoutMs) === true) return x.answered ? x.client.cut() : this.timedOut(x)
    if (x.responded && !x.answered && silenceMs > 0 && upstream !== null && !x.client.outlet.blocked &&
      nowMs - upstream.lastReadMs > silenceMs) this.timedOut(x)
  }

  private timedOut (x: HttpExchange): void {
    if (x.answered) return
    const { upstream } = x
    if (upstream === null) return this.waitedInVain(x)
    const { connected } = upstream
    upstream.detach(x, false)
    this.failed(x, 'timeout', connected ? 'the upstream did not answer in time' : 'no connection in time', undefined, connected)
  }

  /** For one of few connections, between two tries, or for a filter. */
  private waitedInVain (x: HttpExchange): void {
    if (x.counted) poolOf(x, this.loop).leave(x)
    this.unsent(x, 'timeout', x.counted ? 'no connection became free in time' : 'the time for the request is over')
  }
}
