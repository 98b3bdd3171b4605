import fc from 'fast-check'
import t from 'tap'
import { setTimeout as sleep } from 'node:timers/promises'
import { OpossumBreaker } from '../upstream/breaker.ts'
import { BREAKER_DEFAULTS, type BreakerSettings } from '../upstream/breaker-settings.ts'
import { BreakerCells } from '../upstream/breaker-cells.ts'
import { CountWindow, TimeWindow } from '../upstream/shared-windows.ts'
import { percentile, RollingStatistics } from '../upstream/rolling-statistics.ts'
import { hystrixCommand } from '../admin/hystrix-stream.ts'
import { mergedBreakers } from '../admin/merged-reports.ts'

const LONG = 3_600_000

const PLACE = { index: 0, count: 1 }

function breaker (given: Partial<BreakerSettings> = {}) {
  const clock = { nowMs: 1_000 }
  const states: string[] = []
  const settings = { ...BREAKER_DEFAULTS, minimumNumberOfCalls: 10, slidingWindowSize: 10,
    waitDurationInOpenStateMs: LONG, permittedNumberOfCallsInHalfOpenState: 3, ...given }
  const made = new OpossumBreaker('b', settings, BreakerCells.make(settings, PLACE), PLACE, () => clock.nowMs,
    (_, state) => states.push(state))
  const call = (failed: boolean, elapsedMs = 1) => {
    const token = made.enter(clock.nowMs)
    if (token < 0) return false
    if (failed) made.failure(token, elapsedMs, clock.nowMs)
    else made.success(token, elapsedMs, clock.nowMs)
    return true
  }
  return { made, clock, states, call, fail: (n: number) => { for (let i = 0; i < n; i++) call(true) } }
}

t.test('opens at the failure rate, of completed calls, and not before the minimum', async t => {
  const { made, call, fail, states } = breaker()
  fail(9)
  t.equal(made.state, 'CLOSED', 'nine failures are below the minimum of ten calls')
  t.equal(made.failureRate, -1)
  call(true)
  t.equal(made.state, 'OPEN')
  t.equal(made.enter(1_000), -1)
  t.strictSame(states, ['OPEN'])
  made.stop()
  const half = breaker({ failureRateThreshold: 60 })
  for (let i = 0; i < 20; i++) half.call(i % 2 === 0)
  t.equal(half.made.state, 'CLOSED', '50 % is below 60')
  half.made.stop()
})

t.test('Resilience4j\'s defaults: 100 calls, 50 %, 10 permits, a minute', async t => {
  t.match(BREAKER_DEFAULTS, { slidingWindowSize: 100, minimumNumberOfCalls: 100, failureRateThreshold: 50,
    waitDurationInOpenStateMs: 60_000, permittedNumberOfCallsInHalfOpenState: 10 })
  const { made, fail } = breaker({ ...BREAKER_DEFAULTS })
  fail(99)
  t.equal(made.state, 'CLOSED')
  fail(1)
  t.equal(made.state, 'OPEN')
  made.stop()
})

t.test('half-open judges the permitted calls together and refuses the rest', async t => {
  const { made, clock, states, fail } = breaker()
  fail(10)
  made.tryNow()
  t.equal(made.state, 'HALF_OPEN')
  const tokens = [made.enter(clock.nowMs), made.enter(clock.nowMs), made.enter(clock.nowMs)]
  t.ok(tokens.every(token => token >= 0))
  t.equal(made.enter(clock.nowMs), -1, 'a fourth one is refused')
  made.ignore(tokens[0] ?? 0)
  const again = made.enter(clock.nowMs)
  t.ok(again >= 0, 'a call that ended neither way gives its permit back')
  for (const token of [tokens[1], tokens[2], again]) made.success(token ?? 0, 1, clock.nowMs)
  t.strictSame(states, ['OPEN', 'HALF_OPEN', 'CLOSED'])
  t.equal(made.totals.calls, 0, 'the window is empty after a change')
  made.stop()
})

t.test('half-open with failing probes opens again', async t => {
  const { made, states, fail } = breaker()
  fail(10)
  made.tryNow()
  fail(3)
  t.strictSame(states, ['OPEN', 'HALF_OPEN', 'OPEN'])
  made.stop()
})

t.test('the wait is opossum\'s timer: half-open by itself, every time', async t => {
  const { made, states, fail } = breaker({ waitDurationInOpenStateMs: 20 })
  const until = async (state: string) => {
    for (let i = 0; i < 1_500 && made.state !== state; i++) await sleep(20)
    t.equal(made.state, state)
  }
  fail(10)
  await until('HALF_OPEN')
  fail(3)
  t.equal(made.state, 'OPEN')
  await until('HALF_OPEN')
  t.strictSame(states, ['OPEN', 'HALF_OPEN', 'OPEN', 'HALF_OPEN'])
  made.stop()
})

t.test('a probe that never answers does not hold the breaker half-open for ever', async t => {
  const { made, clock, fail } = breaker({ maxWaitDurationInHalfOpenStateMs: 5_000 })
  fail(10)
  made.tryNow()
  for (let i = 0; i < 3; i++) made.enter(clock.nowMs)
  t.equal(made.enter(clock.nowMs), -1)
  t.equal(made.state, 'HALF_OPEN')
  clock.nowMs += 5_000
  t.equal(made.enter(clock.nowMs), -1)
  t.equal(made.state, 'OPEN', 'opossum alone stays half-open and rejects for ever')
  made.stop()
})

t.test('a call from before the opening says nothing about half-open', async t => {
  const { made, clock, fail } = breaker({ permittedNumberOfCallsInHalfOpenState: 1 })
  const old = made.enter(clock.nowMs)
  fail(10)
  made.tryNow()
  made.success(old, 60_000, clock.nowMs)
  t.equal(made.state, 'HALF_OPEN', 'opossum alone closes here')
  made.failure(old, 60_000, clock.nowMs)
  t.equal(made.state, 'HALF_OPEN')
  made.stop()
})

t.test('ten thousand rejected calls do not delay the next opening', async t => {
  const { made, clock, fail, call } = breaker()
  fail(10)
  for (let i = 0; i < 10_000; i++) made.enter(clock.nowMs)
  made.force('CLOSED')
  let needed = 0
  while (made.state === 'CLOSED' && needed < 20_000) { call(true); needed++ }
  t.equal(needed, 10, 'opossum alone needs 10,002')
  made.stop()
})

t.test('slow calls open too', async t => {
  const { made, call } = breaker({ slowCallDurationThresholdMs: 100, slowCallRateThreshold: 50 })
  for (let i = 0; i < 10; i++) call(false, i < 5 ? 200 : 10)
  t.equal(made.state, 'CLOSED', 'judged when a failed or slow call completes')
  call(false, 200)
  t.equal(made.state, 'OPEN')
  made.stop()
})

t.test('ignored failures count as nothing, unrecorded ones as success', async t => {
  const ignoring = breaker({ ignoreFailures: ['timeout'] })
  for (let i = 0; i < 50; i++) ignoring.made.failure(ignoring.made.enter(0), 1, 0, 'timeout')
  t.equal(ignoring.made.totals.calls, 0)
  ignoring.made.stop()
  const recording = breaker({ recordFailures: ['connect'] })
  for (let i = 0; i < 10; i++) recording.made.failure(recording.made.enter(0), 1, 0, 'timeout')
  t.match(recording.made.totals, { calls: 10, failures: 0 })
  for (let i = 0; i < 5; i++) recording.made.failure(recording.made.enter(0), 1, 0, 'connect')
  t.equal(recording.made.state, 'OPEN')
  recording.made.stop()
})

t.test('a count window holds exactly the last calls', async () => {
  fc.assert(fc.property(fc.integer({ min: 1, max: 20 }),
    fc.array(fc.tuple(fc.boolean(), fc.boolean()), { maxLength: 60 }), (size, calls) => {
      const window = new CountWindow(new Int32Array(CountWindow.cells(size)), size)
      for (const [failed, slow] of calls) window.add(failed, slow)
      const last = calls.slice(-size)
      const totals = window.totals()
      return totals.calls === last.length && totals.failures === last.filter(call => call[0]).length &&
      totals.slow === last.filter(call => call[1]).length
    }))
})

t.test('a time window holds exactly the calls of its seconds', async () => {
  const step = fc.record({ after: fc.integer({ min: 0, max: 2_500 }), failed: fc.boolean() })
  fc.assert(fc.property(fc.integer({ min: 1, max: 8 }), fc.array(step, { minLength: 1, maxLength: 60 }),
    (seconds, steps) => {
      const window = new TimeWindow(new Int32Array(TimeWindow.cells(seconds)), seconds)
      const calls: Array<{ second: number, failed: boolean }> = []
      let nowMs = 5_000
      for (const { after, failed } of steps) {
        nowMs += after
        window.add(failed, false, nowMs)
        calls.push({ second: Math.floor(nowMs / 1_000), failed })
      }
      const now = Math.floor(nowMs / 1_000)
      const last = calls.filter(call => call.second > now - seconds)
      const totals = window.totals(nowMs)
      return totals.calls === last.length && totals.failures === last.filter(call => call.failed).length
    }))
})

t.test('one failure costs the same however many latencies the window holds', async t => {
  const { made, clock } = breaker({ minimumNumberOfCalls: 1e9, slidingWindowType: 'TIME_BASED' })
  for (let i = 0; i < 150_000; i++) made.success(made.enter(clock.nowMs), i % 900, clock.nowMs)
  const before = process.cpuUsage()
  for (let i = 0; i < 1_000; i++) made.failure(made.enter(clock.nowMs), 5, clock.nowMs)
  const each = process.cpuUsage(before).user / 1e6
  t.ok(each < 1, `${each} ms; opossum's default takes 244 ms`)
  made.stop()
})

t.test('percentiles come from a histogram within 13 %', async t => {
  const statistics = new RollingStatistics()
  for (let ms = 1; ms <= 1_000; ms++) statistics.completed('success', ms, 1_000)
  const { latencies, counts } = statistics.snapshot(1_500)
  for (const p of [25, 50, 90, 99]) t.ok(Math.abs(percentile(latencies, p) - p * 10) <= p * 1.3, `p${p} ${percentile(latencies, p)}`)
  t.equal(counts['success'], 1_000)
  t.equal(statistics.snapshot(12_000).counts['success'], 0, 'gone after ten seconds')
})

t.test('hystrix.stream has every key the dashboard reads, two workers as one', async t => {
  const { made, fail, clock } = breaker()
  fail(10)
  made.enter(clock.nowMs)
  const report = { name: 'b', state: made.state, failureRate: made.failureRate, ...made.totals, settings: made.settings,
    limit: 20, active: 3, statistics: made.statistics.snapshot(clock.nowMs) }
  const command = hystrixCommand(mergedBreakers([report, report])[0] ?? report, 1) as Record<string, unknown>
  t.match(command, { isCircuitBreakerOpen: true, rollingCountFailure: 20, rollingCountShortCircuited: 2,
    requestCount: 22, errorPercentage: 100, currentConcurrentExecutionCount: 3,
    propertyValue_executionIsolationSemaphoreMaxConcurrentRequests: 20 })
  const keys = ('type name group reportingHosts isCircuitBreakerOpen errorPercentage errorCount requestCount ' +
    'rollingCountCollapsedRequests rollingCountExceptionsThrown rollingCountFailure rollingCountFallbackFailure ' +
    'rollingCountFallbackRejection rollingCountFallbackSuccess rollingCountResponsesFromCache rollingCountSemaphoreRejected ' +
    'rollingCountShortCircuited rollingCountSuccess rollingCountThreadPoolRejected rollingCountTimeout rollingCountBadRequests ' +
    'currentConcurrentExecutionCount latencyExecute_mean latencyExecute propertyValue_circuitBreakerRequestVolumeThreshold ' +
    'propertyValue_circuitBreakerSleepWindowInMilliseconds propertyValue_circuitBreakerErrorThresholdPercentage ' +
    'propertyValue_circuitBreakerForceOpen propertyValue_circuitBreakerForceClosed propertyValue_executionIsolationStrategy ' +
    'propertyValue_executionIsolationThreadTimeoutInMilliseconds propertyValue_executionIsolationThreadInterruptOnTimeout ' +
    'propertyValue_executionIsolationSemaphoreMaxConcurrentRequests propertyValue_fallbackIsolationSemaphoreMaxConcurrentRequests ' +
    'propertyValue_requestCacheEnabled propertyValue_requestLogEnabled propertyValue_metricsRollingStatisticalWindowInMilliseconds').split(' ')
  t.strictSame(keys.filter(key => command[key] === undefined), [])
  t.strictSame(Object.keys(command['latencyExecute'] as object).toSorted(), ['0', '100', '25', '50', '75', '90', '95', '99', '99.5'])
  made.stop()
})
