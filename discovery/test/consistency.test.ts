/**
 * Whatever happens in whatever order: who applies deltas, who reads the stream, who polls and who fetches everything
 * know the same.
 */
import fc from 'fast-check'
import t from 'tap'
import { parseXml } from '../eureka/xml-parse.ts'
import { Payloads } from '../eureka/payloads.ts'
import { Book } from '../registry/book.ts'
import { STATUSES, type Status } from '../registry/instance.ts'
import { hashOf } from '../registry/status.ts'
import { Hub } from '../stream/hub.ts'
import { Subscription } from '../stream/subscription.ts'
import { Clock, instance, rules, type Raw } from './support/instances.ts'

const APPS = ['ORDERS', 'USERS', '__PROTO__', 'A"instance":[']
const IDS = ['a', 'b', '__proto__', 'ü:1', 'a/b%20c']

type Step =
  | { readonly kind: 'register', app: string, id: string, status: Status, dirty: number, replicated: boolean, secs: number }
  | { readonly kind: 'renew', app: string, id: string, dirty: number, replicated: boolean, overridden: Status }
  | { readonly kind: 'cancel' | 'metadata', app: string, id: string }
  | { readonly kind: 'override' | 'clear', app: string, id: string, status: Status, dirty: number }
  | { readonly kind: 'wait', ms: number }
  | { readonly kind: 'evict' | 'delta' | 'poll' | 'round' | 'stall' | 'drain' }

const target = { app: fc.constantFrom(...APPS), id: fc.constantFrom(...IDS) }
const dirty = fc.integer({ min: 1, max: 5 })
const status = fc.constantFrom(...STATUSES)
const kind = <K extends string>(...kinds: K[]) => fc.constantFrom(...kinds)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: kind('register'), ...target, status, dirty, replicated: fc.boolean(), secs: fc.integer({ min: 1, max: 120 }) }) },
  { weight: 3, arbitrary: fc.record({ kind: kind('renew'), ...target, dirty, replicated: fc.boolean(), overridden: status }) },
  { weight: 3, arbitrary: fc.record({ kind: kind('cancel', 'metadata'), ...target }) },
  { weight: 2, arbitrary: fc.record({ kind: kind('override', 'clear'), ...target, status, dirty }) },
  { weight: 1, arbitrary: fc.record({ kind: kind('wait'), ms: fc.integer({ min: 1, max: 170_000 }) }) },
  { weight: 3, arbitrary: fc.record({ kind: kind('evict', 'delta', 'poll', 'round', 'stall', 'drain') }) }
)

/** An instance list as a client keeps it: by application and id. */
type Known = Map<string, Raw>

const keyOf = (raw: Raw): string => JSON.stringify([raw.app, raw.instanceId])
const sorted = (known: Known): [string, Raw][] => [...known].sort(([a], [b]) => a < b ? -1 : 1)

class World {
  readonly clock = new Clock()
  readonly book = new Book(rules(this.clock, {
    preservation: { enabled: true, threshold: 0.85, floor: 4 }, maxRemoved: 3
  }))
  readonly payloads = new Payloads(this.book, this.clock.now)
  readonly delta: Known = new Map()
  readonly polled: Known = new Map()
  readonly streamed: Known = new Map()
  deltaMisses = 0
  #index: string | undefined
  #text = ''
  #accepting = true
  readonly #rounds: (() => void)[] = []
  readonly #hub = new Hub(this.book, this.payloads, {
    now: this.clock.now,
    schedule: (callback, ms) => {
      if (ms < 1000) this.#rounds.push(callback)
      return () => {}
    },
    pingMs: 15_000,
    stallMs: 30_000,
    gapMs: 0
  })
  readonly #subscription: Subscription

  constructor () {
    this.book.onChange = () => this.#hub.wake()
    const write = (bytes: Buffer): boolean => {
      this.#text += bytes.toString()
      return this.#accepting
    }
    this.#subscription = new Subscription({ write, end () {}, destroy () {} }, undefined, 0, this.clock.now)
    this.#hub.start('e')
    this.#hub.subscribe(this.#subscription, undefined)
  }

  run (step: Step): void {
    switch (step.kind) {
      case 'register':
        this.book.register(instance({
          app: step.app, instanceId: step.id, status: step.status, lastDirtyTimestamp: step.dirty,
          leaseInfo: { renewalIntervalInSecs: 30, durationInSecs: step.secs }, metadata: { ['__proto__']: 'x' }
        }), step.replicated)
        return
      case 'renew':
        this.book.renew(step.app, step.id, {
          replicated: step.replicated, lastDirtyAt: step.dirty, overriddenStatus: step.overridden
        })
        return
      case 'cancel': this.book.cancel(step.app, step.id); return
      case 'metadata': this.book.addMetadata(step.app, step.id, [['k', 'v']]); return
      case 'override': this.book.override(step.app, step.id, step.status); return
      case 'clear': this.book.clearOverride(step.app, step.id, step.status); return
      case 'wait': this.#wait(step.ms); return
      case 'evict': this.book.evict(); return
      case 'delta': this.#fetchDelta(); return
      case 'poll': this.#poll(); return
      case 'round': this.#round(); return
      case 'stall': this.#accepting = false; return
      case 'drain': this.#drain()
    }
  }

  /** Everybody reads to the end. */
  settle (): void {
    this.#fetchDelta()
    this.#poll()
    for (let i = 0; i < 3; i++) {
      this.#drain()
      this.#round()
    }
  }

  all (): Known {
    return known((JSON.parse(this.payloads.all('json').bytes().toString()) as Full).applications)
  }

  hash (): string {
    return (JSON.parse(this.payloads.all('json').bytes().toString()) as Full).applications.apps__hashcode
  }

  /** The statuses by key, read from the XML form. */
  xmlStatuses (): Map<string, unknown> {
    const { applications } = parseXml(this.payloads.all('xml').bytes().toString()) as { applications: { application?: unknown } }
    const apps = [applications.application ?? []].flat() as { instance: unknown }[]
    return new Map(apps.flatMap(app => [app.instance].flat() as Raw[]).map(raw => [keyOf(raw), raw.status]))
  }

  /** Time passes; a client of deltas polls well within the time that the delta covers. */
  #wait (ms: number): void {
    this.#fetchDelta()
    this.clock.advance(ms)
    this.#fetchDelta()
  }

  #fetchDelta (): void {
    const delta = this.payloads.delta('json')
    if (delta === undefined) {
      this.delta.clear()
      for (const [key, raw] of this.all()) this.delta.set(key, raw)
      return
    }
    const { applications } = JSON.parse(delta.bytes().toString()) as Full
    for (const [key, raw] of known(applications)) {
      if (raw.actionType === 'DELETED') this.delta.delete(key)
      else this.delta.set(key, raw)
    }
    if (hashOf(this.delta.values() as Iterable<{ status: Status }>) !== applications.apps__hashcode) this.deltaMisses++
  }

  #poll (): void {
    const waiter = this.#hub.poll(this.#index, undefined, body => {
      const answer = JSON.parse(body.toString()) as Answer
      this.#index = answer.index
      if (answer.reset) this.polled.clear()
      for (const raw of answer.instances ?? []) this.polled.set(keyOf(raw), raw)
      for (const change of answer.changes ?? []) apply(this.polled, change)
    })
    if (waiter !== undefined) this.#hub.expire(waiter)
  }

  #round (): void {
    for (const round of this.#rounds.splice(0)) round()
    this.#read()
  }

  #drain (): void {
    this.#accepting = true
    this.#hub.drained(this.#subscription)
    this.#read()
  }

  /** The reader of the stream takes in the whole events that it has so far. */
  #read (): void {
    const blocks = this.#text.split('\n\n')
    this.#text = blocks.pop()!
    for (const block of blocks) {
      const data = JSON.parse(/data: (.*)/.exec(block)![1]!) as Change & { instances?: Raw[] }
      if (data.instances === undefined) apply(this.streamed, data)
      else {
        this.streamed.clear()
        for (const raw of data.instances) this.streamed.set(keyOf(raw), raw)
      }
    }
  }
}

interface Answer { index: string, reset: boolean, instances?: Raw[], changes?: Change[] }
interface Change { action: string, instance: Raw }
interface Full { applications: { apps__hashcode: string, application: { name: string, instance: Raw[] }[] } }

function known (applications: Full['applications']): Known {
  return new Map(applications.application.flatMap(app => app.instance).map(raw => [keyOf(raw), raw]))
}

function apply (known: Known, { action, instance }: Change): void {
  if (action === 'DELETED') known.delete(keyOf(instance))
  else known.set(keyOf(instance), instance)
}

t.test('deltas, stream, long poll and full fetch agree after any interleaving', async t => {
  const seed = Date.now() & 0x7fffffff
  t.comment(`seed ${seed}`)
  fc.assert(fc.property(fc.array(step, { minLength: 1, maxLength: 60 }), steps => {
    const world = new World()
    for (const next of steps) world.run(next)
    world.settle()
    const all = world.all()
    const expected = JSON.stringify(sorted(all))
    for (const [name, view] of [['delta', world.delta], ['poll', world.polled], ['stream', world.streamed]] as const) {
      if (JSON.stringify(sorted(view)) !== expected) throw new Error(`${name} differs`)
    }
    if (world.deltaMisses > 0) throw new Error('a hash did not fit its delta')
    if (world.hash() !== hashOf(all.values() as Iterable<{ status: Status }>)) throw new Error('the hash is wrong')
    const xml = world.xmlStatuses()
    for (const [key, raw] of all) if (xml.get(key) !== raw.status) throw new Error(`XML differs at ${key}`)
    if (xml.size !== all.size || world.book.size !== all.size) throw new Error('sizes differ')
  }), { seed, numRuns: 1500 })
  t.pass()
})
