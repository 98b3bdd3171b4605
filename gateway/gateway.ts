/**
 * The road of a request, top to bottom:
 *
 *   accept -> parse   `http1/`: sockets, strict framing; a request that two servers could read differently ends there
 *   admit             name it, match a route, run the request filters: all that needs only the head
 *   forward           what the route leads to: instances, another path of this gateway, or nothing
 *   guard             bulkhead and breaker, before anything is spent on the call
 *   try               pick an instance, take a connection, write head and body in one piece
 *   judge             the answer's head decides: pass on, try another instance, or fall back
 *   finish            counters, histogram, access log: once per request, however it ended
 *
 * Nothing here waits or makes closures while a request takes the usual way; promises appear only where a filter asks
 * for time. All state of a request is in its {@link HttpExchange}.
 */
import type { Reply } from './exchange.ts'
import type { HttpExchange } from './http1/exchange.ts'
import { UnsafeHeaderError } from './http1/header-lines.ts'
import { errorReply, replyHead } from './http1/reply.ts'
import type { Loop } from './loop.ts'
import { Redirections } from './redirections.ts'
import type { Filter, Route, RouteTable } from './routes/route.ts'
import { Transformations } from './transformations.ts'
import { isFailure } from './upstream/retry-policy.ts'
import { Tries } from './upstream/tries.ts'

const CLIENT_LEFT = 499

export class Gateway {
  table: RouteTable | null = null
  readonly loop: Loop
  readonly tries: Tries
  readonly redirections: Redirections
  readonly transformations: Transformations

  constructor (loop: Loop) {
    this.loop = loop
    this.tries = new Tries(this)
    this.redirections = new Redirections(this)
    this.transformations = new Transformations(this)
  }

  /** Serves `table` from the next request on. */
  swap (table: RouteTable): void {
    this.transformations.prepare(table)
    this.table = table
  }

  /** Match and request filters. True: go on with the body; false: answered, or a filter took time. */
  admit (x: HttpExchange): boolean {
    this.loop.identify(x)
    const { table } = this
    if (table === null) return this.refuse(x, 503, 'no routes are loaded yet')
    const route = table.match(x)
    return route === undefined ? this.refuse(x, 404) : this.enter(x, route)
  }

  /** The request belongs to `route` from here on. */
  enter (x: HttpExchange, route: Route): boolean {
    x.matched = route
    x.maxBodyBytes = route.maxRequestBytes
    if (route.totalTimeoutMs > 0) x.totalDeadlineMs = x.startedMs + route.totalTimeoutMs
    if (x.head.deadlineLine >= 0) this.shortenTo(x, x.head.lines.value(x.head.deadlineLine))
    return this.filter(x, 0)
  }

  /** A proxy in front of us that we trust says how long its own caller still waits. */
  private shortenTo (x: HttpExchange, leftMs: string): void {
    if (!x.client.peer.trusted || !/^\d{1,7}$/.test(leftMs)) return
    x.totalDeadlineMs = Math.min(x.totalDeadlineMs, x.startedMs + Number(leftMs))
  }

  private filter (x: HttpExchange, from: number): boolean {
    const filters = x.route.requestFilters
    try {
      for (let i = from; i < filters.length; i++) {
        const outcome = filters[i]!.request!(x)
        if (outcome === undefined) continue
        if (outcome instanceof Promise) this.filterLater(x, outcome, i + 1)
        else this.replied(x, outcome)
        return false
      }
    } catch (fault) {
      return this.filterFault(x, fault)
    }
    return this.admitted(x)
  }

  /** The rare way: input waits until the filter has decided. A client that left by then has another serial. */
  private filterLater (x: HttpExchange, outcome: Promise<Reply | undefined>, next: number): void {
    const { serial } = x
    outcome.then((reply) => {
      if (x.serial !== serial || !x.active) return
      if (reply !== undefined) this.replied(x, reply)
      else if (this.filter(x, next)) x.client.proceed()
    }, (fault: unknown) => {
      if (x.serial === serial && x.active) this.filterFault(x, fault)
    })
  }

  /** A filter that throws is a fault of ours, unless the client's bytes made it write an impossible header. */
  private filterFault (x: HttpExchange, fault: unknown): false {
    if (fault instanceof UnsafeHeaderError) return this.refuse(x, 400)
    this.loop.log('error', 'a filter failed', { route: x.route.id, requestId: x.requestId, fault: String(fault) })
    return this.refuse(x, 500)
  }

  private admitted (x: HttpExchange): boolean {
    if (x.maxBodyBytes > 0 && x.head.contentLength > x.maxBodyBytes) return this.refuse(x, 413)
    this.transformations.expect(x)
    if (x.head.expectContinue && !x.body.done) x.client.writer.goAhead()
    return true
  }

  /** Where the route leads. Called once what of the body came with the head has been read. */
  forward (x: HttpExchange): void {
    if (x.body.collecting) return this.transformations.request(x)
    x.forwarding = true
    const { target } = x.route
    x.wantsUpgrade = x.head.upgrade && this.loop.upgrades.wants(x)
    if (target.kind === 'cluster') this.tries.guard(x)
    else if (target.kind === 'forward') this.redirections.to(x, target.path)
    else this.answer(x, { status: 200, headers: [], body: '' })
  }

  /** The head of an answer is in. True: it goes to the client; false: it is dropped, {@link dropped} follows. */
  responseHead (x: HttpExchange): boolean {
    const nowMs = this.loop.clock.now()
    const { status } = x.response
    const { route } = x
    const elapsedMs = nowMs - x.tryStartedMs
    x.deadlineMs = Infinity
    const isBad = isFailure(status)
    this.tries.report(x, isBad ? 'status' : undefined, elapsedMs, nowMs)
    if (x.other !== null) {
      x.retrying = true
      return false
    }
    if (!isBad && route.hedge !== undefined) route.hedge.observe(nowMs - x.startedMs, nowMs)
    if (status >= 300 && this.tries.mayRetry(x, 'status', status, nowMs)) {
      x.retrying = true
      return false
    }
    const failed = route.failureStatuses !== null && route.failureStatuses.has(status)
    this.tries.settleBreaker(x, failed, nowMs)
    if (route.insteadFilter !== undefined && this.hasInstead(x, route, status)) return false
    if (failed && route.fallback !== undefined) {
      x.failure = { kind: 'status', message: `the upstream answered ${status}` }
      x.retrying = false
      return false
    }
    x.status = status
    return this.passOn(x)
  }

  /** Only the response filters see it, then it flows. True in any case: the answer is not dropped. */
  private passOn (x: HttpExchange): boolean {
    if (!this.runResponseFilters(x, x.route.responseFilters)) return true
    if (!this.transformations.response(x)) x.client.writer.begin(x)
    return true
  }

  /** True: {@link dropped} goes on with what takes the answer's place. */
  private hasInstead (x: HttpExchange, { insteadFilter }: Route, status: number | undefined): boolean {
    x.instead = insteadFilter!.instead!(x, status)
    x.retrying = false
    return x.instead !== undefined
  }

  /** No try is left: what takes the answer's place, the route's fallback, or an error. */
  unanswered (x: HttpExchange, status: number): void {
    const { insteadFilter, fallback } = x.route
    if (insteadFilter !== undefined && this.hasInstead(x, x.route, undefined)) this.replied(x, x.instead!)
    else if (fallback !== undefined) this.redirections.fallBack(x)
    else this.refuse(x, status)
  }

  /** The dropped answer is out of the way. */
  dropped (x: HttpExchange): void {
    if (x.other !== null) return this.tries.hedges.goOn(x)
    this.tries.release(x)
    if (x.instead !== undefined) return this.replied(x, x.instead)
    if (x.retrying) this.tries.retry(x)
    else this.redirections.fallBack(x)
  }

  /** False when a filter failed and the request has been answered with that. */
  private runResponseFilters (x: HttpExchange, filters: readonly Filter[]): boolean {
    try {
      for (const filter of filters) filter.response!(x)
      return true
    } catch (fault) {
      if (x.upstream !== null) x.upstream.detach(x, false)
      this.filterFault(x, fault)
      return false
    }
  }

  /** More of the body is in. */
  bodyArrived (x: HttpExchange): void {
    if (x.body.collecting) this.transformations.request(x)
    else if (x.localHandler !== undefined) this.redirections.bodyArrived(x)
    else this.tries.bodyArrived(x)
  }

  /** A filter has answered. */
  private replied (x: HttpExchange, reply: Reply): void {
    const { responseFilters, replyFilters } = x.route
    this.end(x, reply, reply.isUpstreams === true ? responseFilters : replyFilters)
  }

  /** Ends the exchange with an answer from where the route leads to: a local handler's, or nothing's. */
  answer (x: HttpExchange, reply: Reply): void {
    this.end(x, reply, x.route.responseFilters)
  }

  private end (x: HttpExchange, reply: Reply, filters: readonly Filter[]): void {
    const head = replyHead(reply)
    x.status = reply.status
    if (!x.response.parseText(head)) return void this.refuse(x, 500)
    if (this.runResponseFilters(x, filters)) x.client.writer.whole(x, reply.body)
  }

  /** Ends the exchange with an error, in Spring Boot's form. Always false, so that stages can return it. */
  refuse (x: HttpExchange, status: number, message?: string): false {
    const reply = errorReply(status, x.rawPath, x.requestId, this.loop.clock.wallMs(), message)
    const head = replyHead(reply)
    x.status = status
    x.response.parseText(head)
    if (x.matched !== undefined) this.editReply(x, x.matched)
    x.client.writer.whole(x, reply.body)
    return false
  }

  /** A browser may read an error only with the fields of CORS, and should be as careful with it as with an answer. */
  private editReply (x: HttpExchange, route: Route): void {
    try {
      for (const filter of route.replyFilters) filter.response!(x)
    } catch (fault) {
      this.loop.log('error', 'a filter failed', { route: route.id, requestId: x.requestId, fault: String(fault) })
    }
  }

  /** The client's body broke its framing (400), its limit (413) or our patience (408). */
  refuseBody (x: HttpExchange, status: number): void {
    this.tries.abandon(x)
    this.refuse(x, status)
  }

  /** The client has gone: nobody is waiting for the answer, and it says nothing about the upstream. */
  aborted (x: HttpExchange): void {
    this.tries.abandon(x)
    if (x.answered) return
    if (x.upgraded) return this.finish(x)
    x.status = x.responded ? x.status : CLIENT_LEFT
    x.failure = { kind: 'client-abort', message: 'the client closed the connection' }
    this.finish(x)
  }

  /** Once for every request, when its answer is out or can no longer get out. */
  finish (x: HttpExchange): void {
    const route = x.matched
    this.tries.release(x)
    this.tries.leave(x)
    this.tries.hedges.cancel(x)
    if (route !== undefined) {
      this.tries.giveBack(x)
      for (const filter of route.finishFilters) filter.finished!(x)
    }
    this.loop.record(x)
  }

  /** Deadlines of the exchange. */
  sweep (x: HttpExchange, nowMs: number): void {
    this.tries.sweep(x, nowMs)
  }
}
