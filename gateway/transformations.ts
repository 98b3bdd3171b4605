/**
 * Filters that need a whole body (ModifyRequestBody, RemoveJsonAttributes, ...): it is collected up to the filter's
 * limit, changed, and goes on with its new length. Routes without such filters never come here.
 */
import type { Gateway } from './gateway.ts'
import type { HttpExchange } from './http1/exchange.ts'
import type { BodyTransform, Route, RouteTable } from './routes/route.ts'

interface Plan {
  readonly request: readonly BodyTransform[]
  /** In the order of response filters: the last filter sees the upstream's body first. */
  readonly response: readonly BodyTransform[]
}

export interface CollectedBody {
  /** Undefined: it outgrew the limit. */
  readonly body: Buffer | undefined
  readonly transforms: readonly BodyTransform[]
}

export class Transformations {
  private readonly gateway: Gateway
  private readonly plans = new WeakMap<Route, Plan>()
  /** No table has had any yet: the usual case costs one comparison. */
  private none = true

  constructor (gateway: Gateway) {
    this.gateway = gateway
  }

  /** Finds the routes of a new table that transform bodies. Routes of older tables stay known while they are in use. */
  prepare (table: RouteTable): void {
    for (const route of table.routes) {
      const request = route.filters.flatMap((filter) => filter.requestBody ?? [])
      const response = route.filters.flatMap((filter) => filter.responseBody ?? []).toReversed()
      if (request.length + response.length === 0) continue
      this.plans.set(route, { request, response })
      this.none = false
    }
  }

  /** Says how the body will be wanted, before any of it is read. */
  expect (x: HttpExchange): void {
    if (this.none) return
    const transforms = this.plans.get(x.route)?.request ?? []
    if (transforms.length === 0 || x.body.replaced) return
    const limit = Math.min(...transforms.map((one) => one.maxBytes))
    x.body.collecting = true
    x.maxBodyBytes = x.maxBodyBytes === 0 ? limit : Math.min(limit, x.maxBodyBytes)
  }

  /** Transforms the request's body once all of it is there, then lets the request go on. */
  request (x: HttpExchange): void {
    if (!x.body.done || x.transforming) return
    x.transforming = true
    const transforms = this.plans.get(x.route)!.request
    void this.run(x, transforms, x.body.takeCollected(), (body) => {
      x.body.replaceWith(body)
      x.transforming = false
      this.gateway.forward(x)
    }, 400)
  }

  /** True: the answer's body is collected first. */
  response (x: HttpExchange): boolean {
    if (this.none || !x.response.hasBody(x.method)) return false
    const transforms = (this.plans.get(x.route)?.response ?? []).filter((one) => one.wants?.(x) !== false)
    if (transforms.length === 0) return false
    x.client.writer.collect(transforms)
    return true
  }

  /** The upstream's whole body is there. */
  collected (x: HttpExchange, collected: CollectedBody): void {
    if (collected.body === undefined) return void this.gateway.refuse(x, 502, 'the answer is too large to be transformed')
    void this.run(x, collected.transforms, collected.body, (body) => x.client.writer.whole(x, body), 500)
  }

  /** Never rejects. A client that left meanwhile has another serial, or none. */
  private async run (x: HttpExchange, transforms: readonly BodyTransform[], body: Buffer, done: (body: Buffer) => void,
    statusOfFault: number): Promise<void> {
    const { serial } = x
    try {
      const result = await chain(x, transforms, body)
      if (x.serial === serial && x.active) done(result)
    } catch (fault) {
      this.gateway.loop.log('warn', 'a body could not be transformed', { route: x.route.id, fault: String(fault) })
      if (x.serial === serial && x.active) this.gateway.refuse(x, statusOfFault)
    }
  }
}

async function chain (x: HttpExchange, transforms: readonly BodyTransform[], body: Buffer): Promise<Buffer> {
  let current = body
  for (const one of transforms) current = await one.transform(x, current)
  return current
}
