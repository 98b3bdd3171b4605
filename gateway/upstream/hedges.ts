/**
 * Two tries of one call side by side: the first whose answer is good is passed on, the other is broken off.
 *
 * The exchange's own fields (instance, connection, deadline) are those of one try, the newer; the older waits in
 * `x.other`. Whatever happens to the older swaps the two first, so that all other code sees one try, the one that it is
 * about. Only requests without a body are sent twice, and only within the service's retry budget.
 */
import type { HttpExchange } from '../http1/exchange.ts'
import type { Loop } from '../loop.ts'
import { poolOf } from './pool.ts'
import type { Tries } from './tries.ts'
import type { UpstreamConnection } from './upstream-connection.ts'
import type { Instance } from './upstream.ts'

/** What the exchange knows of the older of two tries. */
export interface OtherTry {
  upstream: UpstreamConnection | null
  instance: Instance
  startedMs: number
  deadlineMs: number
}

export class Hedges {
  private readonly tries: Tries
  private readonly loop: Loop

  constructor (tries: Tries, loop: Loop) {
    this.tries = tries
    this.loop = loop
  }

  /** The first try is out. */
  schedule (x: HttpExchange): void {
    const delayMs = x.route.hedge!.delayMs(this.loop.clock.now())
    if (delayMs <= 0 || x.hedgeTimer !== null || !isHedgeable(x)) return
    x.hedgeTimer = setTimeout(() => {
      x.hedgeTimer = null
      this.start(x)
    }, delayMs).unref()
  }

  /** The exchange is over, or goes another way. */
  cancel (x: HttpExchange): void {
    if (x.hedgeTimer === null) return
    clearTimeout(x.hedgeTimer)
    x.hedgeTimer = null
  }

  private start (x: HttpExchange): void {
    const { target } = x.route
    const { upstream, instance } = x
    if (!x.active || x.responded || !isFirst(x) || upstream === null || instance === undefined) return
    if (target.kind !== 'cluster') return
    x.tried.push(instance)
    const second = target.cluster.pick(x)
    x.tried.pop()
    if (second === undefined || second === instance || !target.cluster.budget.take(this.loop.clock.now())) return
    x.taken++
    this.loop.counters.breakwater_gateway_hedges_total++
    x.other = { upstream, instance, startedMs: x.tryStartedMs, deadlineMs: x.deadlineMs }
    x.upstream = null
    this.tries.begin(x, second, false)
  }

  /** What happens next is about the try on `connection`. */
  turnTo (x: HttpExchange, connection: UpstreamConnection | undefined): void {
    if (connection !== undefined && x.other?.upstream === connection) swap(x)
  }

  /** The head of an answer has come; a bad one is not the last word while the other try may do better. */
  answered (x: HttpExchange, connection: UpstreamConnection, isBad: boolean): void {
    const isOlder = x.other?.upstream === connection
    if (isOlder) swap(x)
    if (isBad) return
    if (!isOlder) this.loop.counters.breakwater_gateway_hedges_won_total++
    const nowMs = this.loop.clock.now()
    swap(x)
    // Being overtaken now and then is nobody's fault; an instance that always is stands out from the others.
    if (!isOlder) this.tries.report(x, 'overtaken', nowMs - x.tryStartedMs, nowMs)
    this.breakOff(x)
  }

  /** The exchange's own try has come to nothing: the other goes on alone. */
  goOn (x: HttpExchange): void {
    const { other } = x
    this.tries.release(x)
    x.tried.push(x.instance!)
    x.other = null
    x.upstream = other!.upstream
    x.instance = other!.instance
    x.tryStartedMs = other!.startedMs
    x.deadlineMs = other!.deadlineMs
    x.counted = true
  }

  /** Ends the exchange's own try without judging it. */
  private breakOff (x: HttpExchange): void {
    if (x.upstream !== null) x.upstream.detach(x, false)
    else poolOf(x, this.loop).leave(x)
    this.goOn(x)
  }

  /** Nobody waits for either any more, or the time for both is over: one is left for the caller to end. */
  dropOther (x: HttpExchange): void {
    swap(x)
    this.breakOff(x)
  }

  /** The older try's own time. */
  sweep (x: HttpExchange, nowMs: number): void {
    if (nowMs > x.totalDeadlineMs) return this.dropOther(x)
    if (nowMs <= x.other!.deadlineMs) return
    swap(x)
    this.tries.report(x, 'timeout', nowMs - x.tryStartedMs, nowMs)
    this.breakOff(x)
  }
}

function isHedgeable (x: HttpExchange): boolean {
  return isFirst(x) && (x.method === 'GET' || x.method === 'HEAD') && x.body.received === 0 &&
    x.upstreamUri === undefined && !x.wantsUpgrade
}

/** A connection that turned out to be dead was no try. */
function isFirst (x: HttpExchange): boolean {
  return x.other === null && x.attempt === (x.replayed ? 2 : 1)
}

/** Both are counted on their instances all the while. */
function swap (x: HttpExchange): void {
  const other = x.other!
  const { upstream, instance, tryStartedMs, deadlineMs } = x
  x.upstream = other.upstream
  x.instance = other.instance
  x.tryStartedMs = other.startedMs
  x.deadlineMs = other.deadlineMs
  other.upstream = upstream
  other.instance = instance!
  other.startedMs = tryStartedMs
  other.deadlineMs = deadlineMs
}
