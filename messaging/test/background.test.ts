import { t } from 'tap'
import { Loop, messagingError, workHealth, Work } from '../index.ts'
import { ManualClock } from './rig.ts'

function worker () {
  const clock = new ManualClock()
  const lines: string[] = []
  const line = (fields: object, text: string): void => { lines.push(`${text} ${JSON.stringify(fields)}`) }
  const work = new Work('look', { info: line, warn: line, error: line }, clock)
  return { clock, lines, work }
}

t.test('a loop goes on behind failures, tells the first of a row and the recovery, and counts them all', async t => {
  const { clock, lines, work } = worker()
  let runs = 0
  let broken = false
  const loop = new Loop(work, clock, 1000, async () => {
    runs++
    if (broken) throw new Error('no')
  })
  loop.start()
  await clock.advance(3000)
  t.equal(runs, 3)
  broken = true
  await clock.advance(20_000)
  t.ok(runs >= 7 && runs <= 10, `seldom while nothing works: ${runs}`)
  t.same(lines, ['background work fails {"work":"look","err":"Error: no"}'])
  t.match(work.state, { name: 'look', error: 'Error: no', permanent: true })
  const failed = runs - 3
  t.equal(work.state.failures, failed)
  broken = false
  await clock.advance(10_000)
  t.equal(lines.length, 2)
  t.match(lines[1], /background work goes on/)
  t.match(work.state, { failures: 0, failuresTotal: failed })
  await loop.stop()
  t.equal(clock.timers, 0)
})

t.test('runs do not overlap, a stop waits for the one that is under way, and what is done is not repeated', async t => {
  const { clock, work } = worker()
  let running = 0
  let finish = (): void => {}
  const loop = new Loop(work, clock, 10, async stopped => {
    running++
    await new Promise<void>(resolve => { finish = resolve })
    running--
    return stopped() ? undefined : 'done'
  })
  loop.start()
  await clock.advance(1000)
  t.equal(running, 1)
  let stopped = false
  const stopping = loop.stop().then(() => { stopped = true })
  await clock.advance(10)
  t.equal(stopped, false)
  finish()
  await stopping
  t.equal(running, 0)
  t.equal(clock.timers, 0)

  let runs = 0
  const once = new Loop(work, clock, 10, async () => {
    runs++
    return 'done'
  })
  once.start()
  await clock.advance(1000)
  t.equal(runs, 1)
  t.equal(clock.timers, 0)
})

t.test('health is down for what waiting does not help, when it has failed three times; never for what may come back', async t => {
  const { work } = worker()
  t.same(workHealth([work.state]), { status: 'UP', details: { look: 'ok' } })
  for (const n of [1, 2, 3]) {
    work.failed(new Error('no such table'))
    t.equal(workHealth([work.state]).status, n < 3 ? 'UP' : 'DOWN')
  }
  t.match(workHealth([work.state]), { details: { look: { failures: 3, failedAt: '2026-03-01T12:00:00.000Z', error: /no such table/ } } })
  work.succeeded()
  t.equal(workHealth([work.state]).status, 'UP')
  for (let n = 0; n < 10; n++) work.failed(messagingError('E_STORE_DOWN', ['gone']))
  t.equal(workHealth([work.state]).status, 'UP')
  t.match(workHealth([work.state]), { details: { look: { failures: 10 } } })
})

t.test('what will not go away by itself is told as an error, also behind an outage', async t => {
  const clock = new ManualClock()
  const lines: string[] = []
  const line = (level: string) => (fields: object): void => { lines.push(`${level} ${JSON.stringify(fields)}`) }
  const work = new Work('look', { info: line('info'), warn: line('warn'), error: line('error') }, clock)
  for (let n = 0; n < 3; n++) work.failed(messagingError('E_BUS_DOWN', ['here', 'gone']))
  for (let n = 0; n < 3; n++) work.failed(messagingError('E_BUS_DENIED', ['sqs:ReceiveMessage', 'expired']))
  t.equal(lines.length, 2)
  t.match(lines[0], /^warn .*E_BUS_DOWN/)
  t.match(lines[1], /^error .*E_BUS_DENIED/)
})
