/** What a request pays for cells that all event loops share: `node bench/cells.ts`, nanoseconds each, of one thread. */
import { BucketTable } from '../gateway/rate-limit/bucket-table.ts'
import { MemoryLimiter } from '../gateway/rate-limit/memory-limiter.ts'
import { LoopCounter } from '../gateway/shared/loop-counter.ts'
import { OpossumBreaker } from '../gateway/upstream/breaker.ts'
import { BreakerCells } from '../gateway/upstream/breaker-cells.ts'
import { BREAKER_DEFAULTS } from '../gateway/upstream/breaker-settings.ts'

const TURNS = 200_000
const ROUNDS = 9
const PLACE = { index: 0, count: 8 }
const NOW_MS = 1e9

const counter = new LoopCounter(new Int32Array(new SharedArrayBuffer(4 * LoopCounter.size(PLACE))), PLACE)
const limiter = new MemoryLimiter(() => NOW_MS, new BucketTable(BucketTable.make()))
const rule = { replenishRate: 1e6, burstCapacity: 1e12, requestedTokens: 1 }
const breaker = new OpossumBreaker('b', BREAKER_DEFAULTS, BreakerCells.make(BREAKER_DEFAULTS, PLACE), PLACE, () => NOW_MS, () => {})

report('a place of a bulkhead, taken and left', () => {
  counter.enter(100)
  counter.leave()
})
report('a token of a rate limit, 1,000 callers', turn => limiter.take('route', `caller-${turn % 1_000}`, rule))
report('a call through a closed breaker', () => breaker.success(breaker.enter(NOW_MS), 1, NOW_MS))
breaker.stop()

function report (what: string, once: (turn: number) => unknown): void {
  const rounds = Array.from({ length: ROUNDS }, () => {
    const startMs = performance.now()
    for (let turn = 0; turn < TURNS; turn++) once(turn)
    return (performance.now() - startMs) * 1e6 / TURNS
  })
  // The machine may be busy: the best round says what the work itself takes.
  process.stdout.write(`${what.padEnd(40)} ${Math.min(...rounds).toFixed(0).padStart(6)} ns\n`)
}
