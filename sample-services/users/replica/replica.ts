/**
 * A copy of all users in memory, kept by a long poll on the owner's changes. It lags by milliseconds; a user that is
 * not known here, or not in the version that a reader has seen already, is asked for at the owner, so that nobody who
 * has just registered is unknown anywhere. Without an owner the copy goes on answering.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { User } from '../domain/user.ts'
import { userError } from '../errors.ts'
import { PAGE, type UserChange } from '../store/user-store.ts'

const WAIT_MS = 10_000
const CALL_MS = 1000
/** A write waits as long as the owner would wait for its own store, and some more. */
const FORWARD_MS = 5000
const FIRST_COPY_MS = 2000
/** What belongs to one connection and not to the message (RFC 9110, 7.6.1), and what fetch computes itself. */
const HOP_HEADERS = new Set(['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding',
  'upgrade', 'host', 'content-length', 'expect'])

export class Replica {
  readonly #owner: () => string | undefined
  readonly #users = new Map<string, User>()
  readonly #stopping = new AbortController()
  #pos = 0
  #copied = false
  #running: Promise<void> | undefined

  constructor (owner: () => string | undefined) {
    this.#owner = owner
  }

  /** Resolves with the first whole copy, or after a deadline: misses are asked for at the owner anyway. */
  async start (): Promise<void> {
    const first = new Promise<void>(resolve => { this.#running = this.#follow(resolve) })
    await Promise.race([first, delay(FIRST_COPY_MS, undefined, { ref: false })])
  }

  async stop (): Promise<void> {
    this.#stopping.abort()
    await this.#running
  }

  /** The user in `minVersion` or a later one, from here or from the owner; else as the owner knows it. */
  async find (userId: string, minVersion: number): Promise<User | undefined> {
    const user = this.#users.get(userId)
    if (user !== undefined && user.version >= minVersion) return user
    const response = await this.#call(`/users/${encodeURIComponent(userId)}`)
      .catch((cause: unknown) => { throw userError('E_NO_OWNER', [], { cause }) })
    if (response.status === 404) return undefined
    // Not known here, and the one who would know does not answer: that is no "not found".
    if (!response.ok) throw userError('E_NO_OWNER')
    return this.#remember(await response.json() as User)
  }

  /** What was answered once is answered again, before the copy has come so far and after the owner's death. */
  #remember (user: User): User {
    const known = this.#users.get(user.userId)
    if (known === undefined || known.version < user.version) this.#users.set(user.userId, user)
    return user
  }

  async forward (request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const headers = new Headers()
    for (const [name, value] of Object.entries(request.headers)) {
      if (value !== undefined && !HOP_HEADERS.has(name)) headers.set(name, String(value))
    }
    const response = await this.#call(request.url, { method: request.method, headers,
      ...(request.body == null ? {} : { body: JSON.stringify(request.body) }) }, FORWARD_MS)
      .catch((cause: unknown) => { throw userError('E_NO_OWNER', [], { cause }) })
    for (const name of ['content-type', 'location', 'etag', 'idempotency-replayed', 'retry-after']) {
      const value = response.headers.get(name)
      if (value !== null) reply.header(name, value)
    }
    // Already text in the owner's words; the route's serializer would only take it apart again.
    await reply.code(response.status).serializer((text: string) => text).send(await response.text())
  }

  async #follow (first: () => void): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      try {
        // The first copy is wanted at once; from then on the owner answers when there is something new.
        const waitMs = this.#copied ? WAIT_MS : 0
        const response = await this.#call(`/internal/changes?after=${this.#pos}&waitMs=${waitMs}`, {}, waitMs + CALL_MS)
        if (!response.ok) throw userError('E_NO_OWNER')
        const { items } = await response.json() as { items: UserChange[] }
        this.#apply(items)
        if (items.length >= PAGE) continue
        this.#copied = true
        first()
      } catch {
        await this.#pause()
      }
    }
  }

  #apply (changes: readonly UserChange[]): void {
    for (const { pos, ...user } of changes) {
      this.#remember(user)
      this.#pos = pos
    }
  }

  async #pause (): Promise<void> {
    await delay(200, undefined, { signal: this.#stopping.signal }).catch(() => {})
  }

  async #call (path: string, init: RequestInit = {}, ms = CALL_MS): Promise<Response> {
    const owner = this.#owner()
    if (owner === undefined) throw userError('E_NO_OWNER')
    return fetch(owner + path, { ...init, signal: AbortSignal.any([AbortSignal.timeout(ms), this.#stopping.signal]) })
  }
}
