/** Faults of what the gateway's event loops share. */
import type { Mutant } from '../mutant.ts'

const MEANING = ['gateway/test/one-meaning.test.ts']
const DOOR = ['gateway/test/one-door.test.ts']
const CACHE = ['gateway/test/one-cache.test.ts']
const DYING = ['gateway/test/dying-loops.test.ts']
const BREAKER = ['gateway/test/breaker.test.ts']

type Fault = readonly [id: string, breaks: string, file: string, from: string, to: string, seenBy: readonly string[]]

const FAULTS: readonly Fault[] = [
  ['loops-cells-not-sent', 'event loops share what a snapshot names', 'control-loop.ts', '{ ...snapshot, cells: this.#shadow.cells.all }',
    'snapshot', MEANING],
  ['loops-dead-keeps', 'what a dead loop held is given back', 'control-loop.ts', 'if (topic === \'loop-ended\') return this.#shadow.giveBack(loop)', '', DYING],
  ['loops-dead-connections', 'connections of a dead loop do not count', 'workers/threaded-data-plane.ts',
    'new ConnectionCounts(this.connections, this.options.limits, { index, count: this.loops }).giveBack(index)', '', DOOR],
  ['loops-dead-lease', 'nobody waits for what a dead loop was to bring', 'cache/cache-owner.ts',
    'if (miss.loop === loop) this.#release(lease, false)', 'if (miss.loop < 0) this.#release(lease, false)', ['gateway/test/cache-owner.test.ts']],
  ['loops-timer-only', 'an open breaker outlives the loop that opened it', 'upstream/breaker.ts', 'else if (this.#move(word, \'HALF_OPEN\')) return this.enter(nowMs)',
    '', DYING],
  ['loops-old-epoch', 'a call from before the opening says nothing about half-open', 'upstream/breaker.ts', 'token !== epochOf(word) || ', '', BREAKER],
  ['loops-limit-not-compared', 'the last place goes to one', 'shared/loop-counter.ts', 'if (now >= limit) return false', 'if (now > limit) return false', MEANING],
  ['loops-share-not-told', 'a counter knows what each loop holds', 'shared/loop-counter.ts', 'Atomics.add(this.#cells, this.#own, 1)', '', DYING],
  ['loops-miss-not-shared', 'a miss under way is known to all', 'cache/cache-owner.ts',
    'if (lease === undefined) return this.#lead(name, loop, known)', 'if (lease !== -1) return this.#lead(name, loop, known)', CACHE],
  ['loops-waiters-in-line', 'those who waited for nothing go at once', 'cache/cache-owner.ts', 'return wasKept ? await this.#look(question, loop) : { kind: \'pass\', stale }',
    'return await this.#look(question, wasKept ? loop : loop)', CACHE],
  ['loops-address-count', 'an address has so many connections in the gateway', 'shared/address-table.ts', 'if (!isFree && (now & COUNT) >= most) return undefined', '', DOOR],
  ['loops-bucket-not-kept', 'who took a token is remembered', 'rate-limit/bucket-table.ts', 'BigInt(Math.round(nowNs + lacks))', 'BigInt(Math.round(nowNs))', MEANING]
]

export const GATEWAY_LOOPS: readonly Mutant[] = FAULTS.map(([id, breaks, file, from, to, seenBy]) =>
  ({ id, package: 'gateway', breaks, file: `gateway/${file}`, from, to, seenBy }))
