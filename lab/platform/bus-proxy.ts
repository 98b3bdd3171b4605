/**
 * Between the services and the bus: passes everything on, and on demand doubles, delays and loses deliveries, sends old
 * messages again, makes senders newer than their readers, or lets the bus vanish. What it holds back it has settled
 * itself, so that a delivery comes late and out of order, as on a bus that promises nothing.
 */
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Random } from '@breakwater/messaging/testing'

export interface Harm {
  /** Chance that a delivery comes twice. */
  duplicate: number
  /** Chance that a delivery to the order history comes later, behind others. */
  reorder: number
  /** Chance that a delivery to the order history never comes. */
  drop: number
  /** Chance that a command or its reply never comes: its sender must ask again. */
  lose: number
  /** Senders are of the next version: their messages have fields that nobody here knows. */
  newer: boolean
  /** Nobody answers. */
  down: boolean
}

interface Delivery { seq: number, receipt: string, group: string, body: string, tries: number }

const PROJECTION = 'order-history'
const HOLD = 50
/** Messages that may be sent again later. */
const REMEMBERED = 500

interface Outgoing { dedupe: string, body: string }
interface Sent { readonly path: string, readonly message: Outgoing }

export class BusProxy {
  readonly harm: Harm = { duplicate: 0, reorder: 0, drop: 0, lose: 0, newer: false, down: false }
  /** What was done, for the table. */
  readonly done = { duplicated: 0, reordered: 0, dropped: 0, lost: 0, repeated: 0, changed: 0, refused: 0 }
  /** Ids of messages that were taken from their reader for good. */
  readonly lost = new Set<string>()
  /** Ids of poison that the bus has taken. */
  readonly poisoned = new Set<string>()
  readonly #target: () => string
  readonly #random: Random
  readonly #later = new Map<string, Delivery[]>()
  readonly #sent: Sent[] = []
  /** All of the run, by their dedupe ids. */
  readonly #known = new Map<string, Outgoing>()
  /** Whether a message was made by the next version, by its id: whenever it is sent again, it is what it was. */
  readonly #newer = new Map<string, boolean>()
  readonly #server: Server

  constructor (target: () => string, random: Random) {
    this.#target = target
    this.#random = random
    this.#server = createServer((request, response) => {
      if (this.harm.down) {
        this.done.refused++
        request.socket.destroy()
        return
      }
      const gone = new AbortController()
      response.once('close', () => { gone.abort() })
      this.#pass(request, gone.signal).then(({ status, text }) => {
        response.writeHead(status, { 'content-type': 'application/json' }).end(text)
      }, () => { request.socket.destroy() })
    })
  }

  async start (): Promise<string> {
    await new Promise<void>(resolve => { this.#server.listen(0, '127.0.0.1', resolve) })
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  stop (): void {
    this.#server.close()
    this.#server.closeAllConnections()
  }

  calm (): void {
    Object.assign(this.harm, { duplicate: 0, reorder: 0, drop: 0, lose: 0, newer: false, down: false })
  }

  async #pass (request: IncomingMessage, signal: AbortSignal): Promise<{ status: number, text: string }> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const path = request.url ?? '/'
    const body = this.#outgoing(path, Buffer.concat(chunks).toString())
    const response = await fetch(this.#target() + path, { method: request.method ?? 'GET', signal,
      ...(body === '' ? {} : { body, headers: { 'content-type': 'application/json' } }) })
    const text = await response.text()
    const queue = /^\/queues\/([^/]+)\/receive$/.exec(path)?.[1]
    return { status: response.status, text: queue === undefined || !response.ok ? text : await this.#harm(queue, text) }
  }

  /**
   * Sends messages of the past again, with the ids they had then; what the bus forgets, the inboxes must know. Returns
   * how many the bus took.
   */
  async repeat (count: number): Promise<number> {
    const before = this.done.repeated
    for (let n = 0; n < count && this.#sent.length > 0; n++) {
      const { path, message } = this.#random.pick(this.#sent)
      const response = await fetch(this.#target() + path, { method: 'POST', headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ messages: [message] }) }).catch(() => undefined)
      await response?.body?.cancel()
      if (response?.ok === true) this.done.repeated++
    }
    return this.done.repeated - before
  }

  /** What a service sends, noted, and with the next version's fields in it when that is asked for. */
  #outgoing (path: string, text: string): string {
    if (!/^\/(topics|queues)\/[^/]+$/.test(path) || text === '') return text
    const { messages } = JSON.parse(text) as { messages: Outgoing[] }
    return JSON.stringify({ messages: messages.map(message => this.#as(path, message)) })
  }

  /** Who sends a message again sends the same one, a minute later, too. */
  #as (path: string, message: Outgoing): Outgoing {
    const before = this.#known.get(message.dedupe)
    if (before !== undefined) return before
    const sent = this.#nextVersion(message)
    this.#known.set(sent.dedupe, sent)
    this.#sent.push({ path, message: sent })
    if (this.#sent.length > REMEMBERED) this.#sent.shift()
    return sent
  }

  #nextVersion (message: Outgoing): Outgoing {
    const envelope = JSON.parse(message.body) as { id: string, data: object }
    const newer = this.#newer.get(envelope.id) ?? this.harm.newer
    this.#newer.set(envelope.id, newer)
    if (!newer) return message
    this.done.changed++
    const data = { ...envelope.data, giftNote: 'for you', loyalty: { points: 7, tier: null } }
    return { ...message, body: JSON.stringify({ ...envelope, dataregion: 'eu', data }) }
  }

  async #harm (queue: string, text: string): Promise<string> {
    const { messages } = JSON.parse(text) as { messages: Delivery[] }
    const later = this.#later.get(queue) ?? []
    this.#later.set(queue, later)
    const given: Delivery[] = []
    for (const message of messages) {
      if (await this.#swallow(queue, message, later)) continue
      given.push(message)
      if (this.#random.next() < this.harm.duplicate) this.#keep(later, message, 'duplicated')
    }
    // What was kept comes when somebody asks again, or at once when too much is kept.
    const all = messages.length === 0 || later.length > HOLD
    const due = later.splice(0, all ? HOLD : this.#random.below(2))
    return JSON.stringify({ messages: [...given, ...due] })
  }

  async #swallow (queue: string, message: Delivery, later: Delivery[]): Promise<boolean> {
    const fate = this.#fateOf(queue, message)
    if (fate === undefined) return false
    await fetch(`${this.#target()}/queues/${queue}/settle`, { method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ settlements: [{ group: message.group, receipt: message.receipt, verdict: 'done' }] }) })
    if (fate === 'reordered') this.#keep(later, message, 'reordered')
    else this.done[fate]++
    if (fate === 'lost') this.lost.add((JSON.parse(message.body) as { id: string }).id)
    return true
  }

  /** News for the read model may come late or not at all; what a saga waits for may be lost. The rest is promised. */
  #fateOf (queue: string, { body }: Delivery): 'dropped' | 'reordered' | 'lost' | undefined {
    // It must become a dead letter, which one that the bus believes to be done cannot.
    if (body.includes('"id":"poison-')) return undefined
    if (queue.includes(PROJECTION)) {
      if (this.#random.next() < this.harm.drop) return 'dropped'
      return this.#random.next() < this.harm.reorder ? 'reordered' : undefined
    }
    const isPromised = body.includes('"type":"users.')
    return !isPromised && this.#random.next() < this.harm.lose ? 'lost' : undefined
  }

  /** Under a receipt that the bus does not know: settling it is refused as stale, and harms nothing. */
  #keep (later: Delivery[], message: Delivery, what: 'duplicated' | 'reordered'): void {
    this.done[what]++
    later.push({ ...message, receipt: `lab-${what}-${message.receipt}` })
  }
}
