/**
 * Requests that stay in the house: `forward:` routes and fallbacks. The target may be a handler made for that very
 * path, another route, or the handler for everything else, in this order.
 */
import { ChunkedDecoder, DATA } from './http1/chunked.ts'
import type { HttpExchange } from './http1/exchange.ts'
import { isWritableTarget } from './http1/upstream-head.ts'
import type { Gateway } from './gateway.ts'
import type { Reply } from './exchange.ts'
import type { Route } from './routes/route.ts'
import type { LocalHandler } from './workers/contract.ts'

/** Routes that lead to each other in a circle end here. */
const MAX_FORWARDS = 5

export class Redirections {
  private readonly gateway: Gateway

  constructor (gateway: Gateway) {
    this.gateway = gateway
  }

  /** The route's fallback: the call has failed, or was refused, and nothing of an answer has left. */
  fallBack (x: HttpExchange): void {
    this.to(x, x.route.fallback!(x))
  }

  /** Sends the request to a path of this gateway; its own query stays unless the path brings one. */
  to (x: HttpExchange, target: string): void {
    const from = x.route
    if (++x.forwards > MAX_FORWARDS) return void this.gateway.refuse(x, 500, 'forwards lead in a circle')
    this.leave(x, from)
    if (!this.moveTo(x, target.startsWith('forward:') ? target.slice(8) : target)) return void this.gateway.refuse(x, 500)
    const { compiler } = this.gateway.loop
    const exact = compiler?.local?.(x.path, true)
    if (exact !== undefined) return this.toHandler(x, exact)
    const route = this.gateway.table?.match(x)
    if (route !== undefined && route !== from) return this.toRoute(x, route)
    const any = compiler?.local?.(x.path, false)
    if (any === undefined) return void this.gateway.refuse(x, 404)
    this.toHandler(x, any)
  }

  /** What the left route holds is given back; its finish filters see the exchange as it leaves. */
  private leave (x: HttpExchange, from: Route): void {
    this.gateway.tries.leave(x)
    this.gateway.tries.giveBack(x)
    this.gateway.tries.hedges.cancel(x)
    for (const filter of from.finishFilters) filter.finished!(x)
    x.totalDeadlineMs = Infinity
    x.deadlineMs = Infinity
    x.attempt = 0
    x.unreached.length = 0
    x.tried.length = 0
    x.instance = undefined
    x.upstreamUri = undefined
    // The target route matches anew and sets its own.
    x.variables = null
    x.body.rewind()
  }

  private moveTo (x: HttpExchange, target: string): boolean {
    const query = target.indexOf('?')
    const path = query < 0 ? target : target.slice(0, query)
    if (query >= 0) x.rawQuery = target.slice(query + 1)
    if (!isWritableTarget(path, x.rawQuery)) return false
    x.rawPath = path
    x.path = path
    x.query = x.rawQuery
    // As in Spring: a browser's Origin must not make the fallback answer with CORS rules of its own.
    x.head.lines.remove('origin')
    return true
  }

  private toRoute (x: HttpExchange, route: Route): void {
    if (!x.body.replayable) return void this.gateway.refuse(x, 502, 'the request body cannot be sent again')
    x.forwarding = false
    if (this.gateway.enter(x, route)) this.gateway.forward(x)
  }

  private toHandler (x: HttpExchange, handler: LocalHandler): void {
    x.localHandler = handler
    x.forwarding = true
    if (handler.maxBodyBytes === 0) return this.handle(x, Buffer.alloc(0))
    if (!x.body.replayable) return void this.gateway.refuse(x, 502, 'the request body cannot be read again')
    this.bodyArrived(x)
  }

  /** The body of a request for a local handler grows. */
  bodyArrived (x: HttpExchange): void {
    const handler = x.localHandler!
    if (x.body.received > handler.maxBodyBytes) return void this.gateway.refuse(x, 413)
    if (!x.body.done) return
    const framed = x.body.chunkedOut
    const content = x.body.takeCollected()
    this.handle(x, framed ? unchunked(content) : content)
  }

  private handle (x: HttpExchange, body: Buffer): void {
    const { serial } = x
    const answered = (reply: Reply): void => {
      if (x.serial === serial && x.active) this.gateway.answer(x, reply)
    }
    const failed = (fault: unknown): void => {
      this.gateway.loop.log('error', 'a local handler failed', { path: x.path, fault: String(fault) })
      if (x.serial === serial && x.active) this.gateway.refuse(x, 500)
    }
    try {
      const outcome = x.localHandler!.handle(x, body)
      if (outcome instanceof Promise) outcome.then(answered, failed)
      else answered(outcome)
    } catch (fault) {
      failed(fault)
    }
  }
}

/** The content of our own chunked framing. */
function unchunked (framed: Buffer): Buffer {
  const decoder = new ChunkedDecoder()
  const parts: Buffer[] = []
  let found = decoder.next(framed, 0, framed.length)
  while (found === DATA) {
    parts.push(framed.subarray(decoder.dataStart, decoder.dataEnd))
    found = decoder.next(framed, decoder.at, framed.length)
  }
  return Buffer.concat(parts)
}
