import fc from 'fast-check'
import t from 'tap'
import { countWindow, timeWindow } from '../client/breaker-window.ts'

t.test('a count window holds exactly the last calls', async () => {
  fc.assert(fc.property(fc.integer({ min: 1, max: 20 }),
    fc.array(fc.tuple(fc.boolean(), fc.boolean()), { maxLength: 60 }), (size, calls) => {
      const window = countWindow(size)
      for (const [failed, slow] of calls) window.add(failed, slow, 0)
      const last = calls.slice(-size)
      return window.totals.calls === last.length && window.totals.failures === last.filter(call => call[0]).length &&
      window.totals.slow === last.filter(call => call[1]).length
    }))
})

t.test('a time window holds exactly the calls of its seconds', async () => {
  const step = fc.record({ after: fc.integer({ min: 0, max: 2_500 }), failed: fc.boolean() })
  fc.assert(fc.property(fc.integer({ min: 1, max: 8 }), fc.array(step, { minLength: 1, maxLength: 60 }),
    (seconds, steps) => {
      const window = timeWindow(seconds)
      let nowMs = 5_000
      const calls = steps.map(({ after, failed }) => {
        nowMs += after
        window.add(failed, false, nowMs)
        return { second: Math.floor(nowMs / 1_000), failed }
      })
      const last = calls.filter(call => call.second > Math.floor(nowMs / 1_000) - seconds)
      return window.totals.calls === last.length && window.totals.failures === last.filter(call => call.failed).length
    }))
})
