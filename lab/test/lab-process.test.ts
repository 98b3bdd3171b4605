import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { LabProcess } from '../platform/lab-process.ts'

t.test('a clock that jumps while a process starts is not taken for its being ready, nor the other way round', async t => {
  const one = new LabProcess(
    { name: 'slow', script: 'lab/test/fixtures/slow-start.ts', args: [], clocked: true, env: () => ({}) }, t.testdir())
  t.teardown(() => one.stop('SIGKILL'))
  const started = one.start()
  let over = false
  const jumps = (async () => {
    const seen: boolean[] = []
    while (!over) {
      seen.push(await one.shiftClock(3_600_000))
      await delay(20)
    }
    return seen
  })()
  await started
  over = true
  t.equal(one.url, 'http://127.0.0.1:1')
  t.ok((await jumps).includes(true), 'the clock of a process that starts was set')
})
