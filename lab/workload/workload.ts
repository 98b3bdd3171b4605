/**
 * Customers: they register, pay in, order, cancel, look, all through the gateway. Who gets no answer, or "not now",
 * repeats with the same key until there is one, as the platform's promise allows.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { Random } from '@breakwater/messaging/testing'
import type { ClientLog, Entry } from './client-log.ts'
import { Probes } from './probes.ts'

export interface WorkloadOptions {
  readonly gateway: () => string
  readonly log: ClientLog
  readonly random: Random
  readonly ordersPerSecond: number
}

/** Longer than any timeout of the gateway: who is still waiting then hangs. */
const HANG_MS = 15_000
const USERS = 8
const SKUS = ['apple', 'pear', 'plum', 'fig', 'last-one'] as const
const UNIT_PRICE = 100

export class Workload {
  readonly #options: WorkloadOptions
  readonly #users: string[] = []
  readonly #orders: string[] = []
  readonly #running = new Set<Promise<unknown>>()
  readonly #probes: Probes
  /** Suspended and active in turn; places no orders. */
  #moody: { readonly userId: string, active: boolean } | undefined
  #keys = 0
  #stopped = false
  hangs = 0
  reads = { ok: 0, refused: 0, fallback: 0 }
  /** Requests that were answered "not now" and repeated. */
  refusals = 0

  constructor (options: WorkloadOptions) {
    this.#options = options
    this.#probes = new Probes({ random: options.random.fork('probes'), fetch: (path, init) => this.#fetch(path, init) })
  }

  get violations (): readonly string[] {
    return this.#probes.violations
  }

  get probed (): Probes['done'] {
    return this.#probes.done
  }

  /** Users with money, shelves with goods; one article is scarce, one user is poor, one article is not there. */
  async prepare (): Promise<void> {
    for (const sku of SKUS) {
      await this.#must({ kind: 'stock', path: `/inventory/${sku}`, body: { add: sku === 'last-one' ? 5 : 100_000 } }, 'PUT')
    }
    for (let n = 0; n < USERS; n++) {
      const { body } = await this.#must({ kind: 'register', path: '/users',
        body: { email: `user-${n}@example.com`, name: `User ${n}` } })
      this.#users.push(String(body.userId))
      await this.#must({ kind: 'deposit', path: `/accounts/${String(body.userId)}/deposits`,
        body: { amount: n === 0 ? 500 : 100_000_000, currency: 'EUR' } })
    }
    const { body } = await this.#must({ kind: 'register', path: '/users', body: { email: 'moody@example.com', name: 'M' } })
    this.#moody = { userId: String(body.userId), active: true }
  }

  /** Runs until stopped; orders come at their own pace, whatever the answers. */
  async run (): Promise<void> {
    const { random, ordersPerSecond } = this.#options
    while (!this.#stopped) {
      this.#go(this.#order())
      if (random.next() < 0.1) this.#go(this.#cancel())
      this.#go(this.#look())
      if (random.next() < 0.05) this.#go(this.#more())
      if (random.next() < 0.1) this.#go(this.#change())
      if (random.next() < 0.2) this.#go(this.#probes.odd(random.pick(this.#users)))
      if (random.next() < 0.5) this.#go(this.#probes.atLeast())
      if (random.next() < 0.1) this.#go(this.#probes.again())
      await delay(1000 / ordersPerSecond * (0.5 + random.next()))
    }
    await Promise.all(this.#running)
  }

  stop (): void {
    this.#stopped = true
  }

  #go (work: Promise<unknown>): void {
    const job = work.finally(() => { this.#running.delete(job) })
    this.#running.add(job)
  }

  async #order (): Promise<void> {
    const { random } = this.#options
    const skus = new Set([random.pick(SKUS), random.pick(SKUS), ...(random.next() < 0.03 ? ['nowhere'] : [])])
    const lines = [...skus].map(sku => ({ sku, qty: 1 + random.below(3), unitPrice: UNIT_PRICE }))
    const asked = { userId: random.pick(this.#users), currency: 'EUR', lines }
    const { status, body, key } = await this.#must({ kind: 'order', path: '/orders', body: asked })
    if (status !== 202) return
    const orderId = String(body.orderId)
    this.#orders.push(orderId)
    this.#probes.placed({ key, body: asked, orderId })
  }

  /** News of users for orders and payments. */
  async #change (): Promise<void> {
    const moody = this.#moody!
    moody.active = !moody.active
    const { status, body } = await this.#must({ kind: 'change', body: {},
      path: `/users/${moody.userId}/${moody.active ? 'reactivate' : 'suspend'}` })
    if (status === 200) this.#probes.changed(moody.userId, Number(body.version))
  }

  async #cancel (): Promise<void> {
    const orderId = this.#orders.at(-1)
    if (orderId !== undefined) await this.#must({ kind: 'cancel', path: `/orders/${orderId}/cancel`, body: {} })
  }

  async #more (): Promise<void> {
    await this.#must({ kind: 'stock', path: `/inventory/${this.#options.random.pick(SKUS)}`, body: { add: 3 } }, 'PUT')
  }

  async #look (): Promise<void> {
    const { random } = this.#options
    const path = random.next() < 0.5 || this.#orders.length === 0
      ? `/users/${random.pick(this.#users)}`
      : `/order-history/${random.pick(this.#orders)}`
    const response = await this.#fetch(path, {}).catch(() => undefined)
    if (response?.ok === true) this.reads.ok++
    else this.reads.refused++
    if (response?.headers.get('x-fallback') === 'orders') this.reads.fallback++
    await response?.text().catch(() => '')
  }

  /** Repeats until there is an answer that stands. */
  async #must (
    request: Pick<Entry, 'kind' | 'path' | 'body'>, method = 'POST'
  ): Promise<{ status: number, body: Record<string, unknown>, key: string }> {
    const key = `lab-${++this.#keys}`
    const entry = this.#options.log.open({ ...request, key })
    for (let attempt = 1; ; attempt++) {
      const answer = await this.#try(entry, method)
      if (answer !== undefined && !repeatable(answer)) return { ...answer, key }
      this.refusals++
      await delay(Math.min(100 * attempt, 1000))
    }
  }

  async #try (entry: Entry, method: string): Promise<{ status: number, body: Record<string, unknown> } | undefined> {
    const { log } = this.#options
    try {
      const response = await this.#fetch(entry.path, { method, body: JSON.stringify(entry.body),
        headers: { 'content-type': 'application/json', 'idempotency-key': entry.key } })
      const body = await response.json() as Record<string, unknown>
      log.answer(entry, response.status, body)
      return { status: response.status, body }
    } catch (error) {
      log.silence(entry, String(error))
      return undefined
    }
  }

  async #fetch (path: string, init: RequestInit): Promise<Response> {
    const signal = AbortSignal.timeout(HANG_MS)
    try {
      return await fetch(this.#options.gateway() + path, { ...init, signal })
    } catch (error) {
      if (signal.aborted) this.hangs++
      throw error
    }
  }
}

function repeatable ({ status, body }: { status: number, body: Record<string, unknown> }): boolean {
  // From a gateway that has lost sight of a service, 404 says nothing of the request: no code of ours is in it.
  return status >= 500 || body.code === 'E_KEY_IN_FLIGHT' || (status === 404 && body.code === undefined)
}
