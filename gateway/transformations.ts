/**
 * Filters that need a whole body (ModifyRequestBody, RemoveJsonAttributes, ...): it is collected up to the filter's
 * limit, changed, and goes on with its new length. Routes without such filters never come here.
 */
import { codingsOf, decoded, DecodedTooLargeError, UnknownCodingError } from './content-coding.ts'
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
    const { request: transforms } = this.plans.get(x.route)!
    const job: Job = { ...REQUEST, transforms, codings: x.headerValues('content-encoding') }
    void this.run(x, job, x.body.takeCollected(), (body) => {
      x.body.replaceWith(body)
      x.transforming = false
      this.gateway.forward(x)
    })
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
  collected (x: HttpExchange, { body, transforms }: CollectedBody): void {
    if (body === undefined) return void this.gateway.refuse(x, RESPONSE.tooLarge, TOO_LARGE)
    const job: Job = { ...RESPONSE, transforms, codings: x.responseHeaderValues('content-encoding') }
    void this.run(x, job, body, (changed) => x.client.writer.whole(x, changed))
  }

  /** Never rejects. A client that left meanwhile has another serial, or none. */
  private async run (x: HttpExchange, job: Job, body: Buffer, done: (body: Buffer) => void): Promise<void> {
    const { serial } = x
    try {
      const result = await changed(x, job, body)
      if (x.serial === serial && x.active) done(result)
    } catch (fault) {
      this.gateway.loop.log('warn', 'a body could not be transformed', { route: x.route.id, fault: String(fault) })
      if (x.serial !== serial || !x.active) return
      if (fault instanceof DecodedTooLargeError) this.gateway.refuse(x, job.tooLarge, TOO_LARGE)
      else this.gateway.refuse(x, fault instanceof UnknownCodingError ? job.unknownCoding : job.failed)
    }
  }
}

const TOO_LARGE = 'the body is too large to be transformed'

/** The ways in which it fails, as statuses, and what is no longer true of a body that was changed. */
interface Side {
  readonly failed: number
  readonly tooLarge: number
  readonly unknownCoding: number
  readonly drop: (x: HttpExchange, name: string) => void
}

interface Job extends Side {
  readonly transforms: readonly BodyTransform[]
  readonly codings: readonly string[]
}

const REQUEST: Side = { failed: 400, tooLarge: 413, unknownCoding: 415, drop: (x, name) => x.removeHeader(name) }
const RESPONSE: Side = {
  failed: 500, tooLarge: 502, unknownCoding: 500, drop: (x, name) => x.removeResponseHeader(name)
}

/** Said of the bytes that were sent. */
const OF_THE_BYTES = ['etag', 'content-md5', 'digest', 'content-digest', 'repr-digest', 'accept-ranges']

/** It leaves plain: whoever takes a coding takes none, too. */
async function changed (x: HttpExchange, { transforms, codings, drop }: Job, body: Buffer): Promise<Buffer> {
  let current = body
  for (const one of transforms.filter(({ asSent }) => asSent === true)) current = await one.transform(x, current)
  const looking = transforms.filter(({ asSent }) => asSent !== true)
  if (looking.length === 0) return current
  const names = codingsOf(codings)
  if (names.length > 0) {
    current = await decoded(current, names, Math.min(...looking.map(({ maxBytes }) => maxBytes)))
    drop(x, 'content-encoding')
  }
  for (const one of looking) current = await one.transform(x, current)
  if (!current.equals(body)) for (const name of OF_THE_BYTES) drop(x, name)
  return current
}
