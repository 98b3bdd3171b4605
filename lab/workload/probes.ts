/**
 * INV-9: what each answer must be by itself, whatever fails meanwhile. Odd requests are refused, never taken and never
 * an accident; who names a version never reads an older one; the same request in other bytes is the same request.
 */
import type { Random } from '@breakwater/messaging/testing'

export interface ProbesOptions {
  readonly fetch: (path: string, init: RequestInit) => Promise<Response>
  readonly random: Random
}

interface Placed { readonly key: string, readonly body: Readonly<Record<string, unknown>>, readonly orderId: string }

const HUGE = Array.from({ length: 12 }, (_, n) => ({ sku: `huge-${n}`, qty: 1_000_000, unitPrice: 1_000_000_000 }))

/** Method, path and body as it is sent; `USER` stands for somebody's id. */
const ODD: ReadonlyArray<readonly [method: string, path: string, body: string]> = [
  ['PUT', '/inventory/odd', '{"onHand":null}'],
  ['PUT', '/inventory/odd', '{"add":true}'],
  ['PUT', '/inventory/odd', '{"add":"10"}'],
  ['PUT', '/inventory/odd', '{"add":1.5}'],
  ['PUT', '/inventory/a%00b', '{"add":1}'],
  ['POST', '/accounts/USER/deposits', '{"amount":true,"currency":"EUR"}'],
  ['POST', '/accounts/USER/deposits', '{"amount":"10","currency":"EUR"}'],
  ['POST', '/accounts/USER/deposits', '{"amount":9007199254740993,"currency":"EUR"}'],
  ...['{"sku":"apple","qty":true,"unitPrice":1}', '{"sku":"apple","qty":1,"unitPrice":null}',
    '{"sku":"apple","qty":1,"unitPrice":false}', '{"sku":"apple","qty":"1","unitPrice":1}',
    '{"sku":"a\\u0000b","qty":1,"unitPrice":1}', '{"sku":"\\ud800","qty":1,"unitPrice":1}',
    HUGE.map(line => JSON.stringify(line)).join()].map(lines =>
    ['POST', '/orders', `{"userId":"USER","currency":"EUR","lines":[${lines}]}`] as const)
]

export class Probes {
  readonly violations: string[] = []
  readonly done = { refused: 0, versions: 0, repeated: 0 }
  readonly #options: ProbesOptions
  readonly #placed: Placed[] = []
  /** The newest version that anybody has read, by path. */
  readonly #versions = new Map<string, number>()
  #keys = 0

  constructor (options: ProbesOptions) {
    this.#options = options
  }

  placed (order: Placed): void {
    this.#placed.push(order)
    this.#versions.set(`/order-history/${order.orderId}`, 1)
  }

  /** Somebody was told of this version of a user. */
  changed (userId: string, version: number): void {
    const path = `/users/${userId}`
    this.#versions.set(path, Math.max(version, this.#versions.get(path) ?? 0))
  }

  async odd (userId: string): Promise<void> {
    const [method, path, body] = this.#options.random.pick(ODD)
    const response = await this.#ask(path.replace('USER', userId), method, body.replace('USER', userId), `odd-${++this.#keys}`)
    if (response === undefined) return
    if (response.status < 400 || response.status === 500) {
      this.violations.push(`INV-9 ${method} ${path} ${body.slice(0, 100)} was answered ${response.status}`)
    } else if (response.status < 500) this.done.refused++
  }

  async atLeast (): Promise<void> {
    if (this.#versions.size === 0) return
    const [path, version] = this.#options.random.pick([...this.#versions].slice(-50))
    const response = await this.#ask(`${path}?minVersion=${version}&waitMs=500`, 'GET')
    if (response?.status !== 200) return
    const { version: got } = response.body as { version: number }
    this.done.versions++
    if (got < version) this.violations.push(`INV-9 ${path} was asked for version ${version} and answered ${got}`)
    this.#versions.set(path, Math.max(got, version))
  }

  /** The members the other way round, and spaces between them. */
  async again (): Promise<void> {
    if (this.#placed.length === 0) return
    const { key, body, orderId } = this.#options.random.pick(this.#placed)
    const turned = JSON.stringify(Object.fromEntries(Object.entries(body).toReversed()), undefined, 2)
    const response = await this.#ask('/orders', 'POST', turned, key)
    if (response === undefined || response.status >= 500 || response.status === 409) return
    this.done.repeated++
    const { orderId: got } = response.body as { orderId?: string }
    if (response.status !== 202 || got !== orderId) {
      this.violations.push(`INV-9 the order of ${key} in other bytes was answered ${response.status} ${got}, not ${orderId}`)
    }
  }

  async #ask (
    path: string, method: string, body?: string, key?: string
  ): Promise<{ status: number, body: unknown } | undefined> {
    const headers = key === undefined ? {} : { 'content-type': 'application/json', 'idempotency-key': key }
    try {
      const response = await this.#options.fetch(path, { method, headers, ...body === undefined ? {} : { body } })
      return { status: response.status, body: await response.json() }
    } catch {
      // Nobody answered; the platform is being harmed.
      return undefined
    }
  }
}
