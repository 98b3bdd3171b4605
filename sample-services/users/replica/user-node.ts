/**
 * One instance of users. With embedded stores one process owns the file and takes the writes; every other instance
 * keeps a copy in memory that follows the owner's changes, answers reads from it, and hands writes on. When the owner
 * dies, the operating system frees its lock and the first replica that notices opens the file and goes on.
 *
 * With a shared store (PostgreSQL) every instance is an owner and none of this is at work.
 */
import { hasCode, type Messaging, type SqlStore, type SqlTx } from '@breakwater/messaging'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { User } from '../domain/user.ts'
import { userError } from '../errors.ts'
import { findUser } from '../store/user-store.ts'
import type { OwnerFile } from './owner-file.ts'
import { Replica } from './replica.ts'

export interface UserNodeParts {
  /** Opens the store, or throws E_STORE_OWNED while another process has it. */
  readonly open: () => Promise<SqlStore>
  readonly createMessaging: (store: SqlStore) => Promise<Messaging<SqlTx>>
  /** Undefined with a shared store: there is no owner to be found. */
  readonly ownerFile: OwnerFile | undefined
  readonly log: { info (fields: object, text: string): void, warn (fields: object, text: string): void }
  /** How often a replica tries to become the owner. */
  readonly takeOverMs: number
}

interface Ownership { readonly store: SqlStore, readonly messaging: Messaging<SqlTx> }

export class UserNode {
  readonly #parts: UserNodeParts
  readonly #replica: Replica
  #ownership: Ownership | undefined
  #timer: NodeJS.Timeout | undefined
  #url: string | undefined
  #stopped = false

  constructor (parts: UserNodeParts) {
    this.#parts = parts
    this.#replica = new Replica(() => parts.ownerFile?.read())
  }

  get isOwner (): boolean {
    return this.#ownership !== undefined
  }

  get store (): SqlStore | undefined {
    return this.#ownership?.store
  }

  get messaging (): Messaging<SqlTx> {
    if (this.#ownership === undefined) throw userError('E_NOT_OWNER', [this.#parts.ownerFile?.read() ?? 'an unknown address'])
    return this.#ownership.messaging
  }

  /** Owner or replica, whichever is left; resolves when reads can be answered. */
  async start (): Promise<void> {
    if (await this.#own()) return
    await this.#replica.start()
    this.#watchOwner()
  }

  /** Tells the others where writes go, once the socket listens. */
  announce (url: string): void {
    this.#url = url
    if (this.isOwner) this.#parts.ownerFile?.write(url)
  }

  async stop (): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    await this.#replica.stop()
    await this.#ownership?.messaging.stop()
    await this.#ownership?.store.close()
  }

  /** Of a user who is known here, the version wanted if it exists anywhere. */
  find (userId: string, minVersion: number): Promise<User | undefined> {
    return this.#ownership === undefined
      ? this.#replica.find(userId, minVersion)
      : findUser(this.#ownership.store.read, userId)
  }

  forward (request: FastifyRequest, reply: FastifyReply): Promise<void> {
    return this.#replica.forward(request, reply)
  }

  /** Returns false while somebody else is the owner. */
  async #own (): Promise<boolean> {
    const store = await this.#parts.open().catch((error: unknown) => {
      if (hasCode(error, 'E_STORE_OWNED')) return undefined
      throw error
    })
    if (store === undefined) return false
    const messaging = await this.#parts.createMessaging(store)
    await messaging.start()
    this.#ownership = { store, messaging }
    if (this.#url !== undefined) this.#parts.ownerFile?.write(this.#url)
    return true
  }

  #watchOwner (): void {
    this.#timer = setTimeout(() => {
      this.#takeOver().catch((error: unknown) => {
        this.#parts.log.warn({ err: String(error) }, 'could not take over')
        this.#watchOwner()
      })
    }, this.#parts.takeOverMs)
  }

  async #takeOver (): Promise<void> {
    if (this.#stopped) return
    if (!await this.#own()) return this.#watchOwner()
    this.#parts.log.info({}, 'took over from the owner that died')
    await this.#replica.stop()
  }
}
