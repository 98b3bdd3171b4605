/** Five registries, their clients and operators, under virtual time. */
import type { Status } from '@breakwater/discovery/testing'
import { createRandom, Scheduler, Trace, type Owner, type Random } from '@breakwater/messaging/testing'
import { APP, Client } from './client.ts'
import { History } from './history.ts'
import { Network } from './network.ts'
import { Node } from './node.ts'

const NODES = ['a', 'b', 'c', 'd', 'e']
const CLIENTS = 6
const OPERATOR_TIMEOUT_MS = 1000
/** Clients' clocks, which have nothing to do with those of registries. */
const TIMESTAMPS_FROM = 1_700_000_000_000

export class Cluster {
  readonly trace: Trace
  readonly scheduler: Scheduler
  readonly network: Network
  readonly nodes: readonly Node[]
  readonly clients: readonly Client[]
  readonly history = new History()
  readonly violations: string[] = []
  readonly counts = new Map<string, number>()
  readonly healAtMs: number
  #timestamps = 0
  #values = 0

  constructor (seed: number, healAtMs: number, traceLines: number) {
    this.healAtMs = healAtMs
    const random = createRandom(seed)
    this.trace = new Trace(traceLines)
    this.scheduler = new Scheduler({ random: random.fork('scheduler'), trace: this.trace,
      onError: (owner, error) => { this.violations.push(`ERROR ${owner.name}: ${String((error as Error).stack)}`) } })
    this.network = new Network(this.scheduler, random.fork('network'))
    this.nodes = NODES.map(name => this.#node(name, random))
    this.clients = Array.from({ length: CLIENTS }, (_, n) => new Client(this, `i${n}`, n))
  }

  get nowMs (): number {
    return this.scheduler.nowMs
  }

  after (ms: number, run: () => void): void {
    this.scheduler.after(ms, OUTSIDE, run)
  }

  count (what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1)
  }

  note (who: string, text: string): void {
    this.trace.note(this.nowMs, who, text)
  }

  /** At the latest it goes on when all is healed. */
  standStill (node: Node, ms: number): void {
    node.standStillUntil(Math.min(this.nowMs + ms, this.healAtMs))
  }

  timestamp (): number {
    return TIMESTAMPS_FROM + ++this.#timestamps
  }

  /** Asks a registry from outside; rejects when it does not answer. */
  ask<Answer> (node: Node, answer: () => Answer, timeoutMs: number): Promise<Answer> {
    return this.network.call({ name: 'outside', owner: OUTSIDE, listens: false }, node, answer, { timeoutMs })
  }

  override (node: Node, id: string, status: Status): void {
    this.#operate(node, `override ${id}`, status, () => {
      const { book } = node.running!.registry
      const shown = node.running!.registry.override(APP, id, status, HERE)
      // Setting what is shown already keeps nothing, as in Eureka.
      return shown && (book.lease(APP, id)!.override ?? 'none')
    })
  }

  clearOverride (node: Node, id: string): void {
    this.#operate(node, `override ${id}`, 'none', () =>
      node.running!.registry.clearOverride(APP, id, undefined, HERE) && 'none')
  }

  addMetadata (node: Node, id: string): void {
    const value = String(++this.#values)
    this.#operate(node, `metadata ${id}`, value, () =>
      node.running!.registry.addMetadata(APP, id, [['added', value]]) && value)
  }

  kill (node: Node): void {
    if (node.owner === undefined) return
    this.#voidUnheard(node)
    node.kill()
    this.count('registry killed')
  }

  /** Nothing goes wrong any more, and everybody runs. */
  heal (): void {
    this.network.healAll()
    for (const node of this.nodes) node.start(true)
  }

  /** `does` says what is so now; undefined when there is no such instance. */
  #operate (node: Node, key: string, value: string, does: () => string | undefined): void {
    const word = this.history.say(key, value, node.name, this.nowMs)
    this.ask(node, does, OPERATOR_TIMEOUT_MS).then(done => {
      if (done === undefined) word.void = true
      else Object.assign(word, { value: done, to: this.nowMs })
      this.note('operator', `${key} ${value} at ${node.name}: ${done ?? 'not there'}`)
    }, () => { this.note('operator', `${key} ${value} at ${node.name}: no answer`) })
  }

  #node (name: string, random: Random): Node {
    return new Node({ name, scheduler: this.scheduler, network: this.network, random: random.fork(name),
      others: () => this.nodes.filter(node => node.name !== name),
      onExpired: (_app, id) => { this.#expired(name, id) } })
  }

  #expired (name: string, id: string): void {
    this.note(name, `the lease of ${id} ran out`)
    this.count('leases ran out')
  }

  /** What only this registry knows dies with it, but for what it has written down. */
  #voidUnheard (node: Node): void {
    const book = node.running?.registry.book
    if (book === undefined) return
    for (const client of this.clients) {
      const { id } = client
      const mine = book.copies.stateOf(APP, id)?.facts
      const others = this.nodes.filter(other => other !== node)
        .map(other => other.running?.registry.book.copies.stateOf(APP, id)?.facts)
      const heard = (kind: 'override' | 'removal'): boolean =>
        others.some(facts => (facts?.[kind]?.stamp.at ?? 0) >= (mine?.[kind]?.stamp.at ?? 0))
      if (!heard('override') || !heard('removal')) this.history.voidWords(`override ${id}`)
      if (!heard('removal')) client.isDying = !client.up
      const at = mine?.added.get('added')?.stamp.at ?? 0
      const isHeard = others.some(facts => (facts?.added.get('added')?.stamp.at ?? 0) >= at)
      if (!isHeard || !heard('removal')) this.history.voidWords(`metadata ${id}`)
    }
  }
}

const HERE = { replicated: false }
const OUTSIDE: Owner = { name: 'outside', alive: true, stillUntilMs: 0 }

