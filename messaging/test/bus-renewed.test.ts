/** A bus that lost its disk and is back at the same address. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { t, type Test } from 'tap'
import { createLogger } from '@breakwater/starter/logger'
import { loadSettings } from '@breakwater/starter/settings'
import { startBus as startServer } from '../bus/embedded/start.ts'
import { embeddedBus, Loop, systemClock, Work, type MessageRoute, type SqlTx } from '../index.ts'
import { BusProcess } from './bus-process.ts'
import { message } from './bus-rig.ts'
import { ManualClock } from './manual-clock.ts'
import { anyData, rig, type RigParts } from './rig.ts'
import { until } from './until.ts'

const TYPE = 'shop.Opened.v1'

async function startBus (t: Test) {
  const dir = await mkdtemp(join(tmpdir(), 'breakwater-test-'))
  const bus = new BusProcess(dir)
  await bus.start(0)
  t.teardown(async () => {
    await bus.kill()
    await rm(dir, { recursive: true })
  })
  return {
    bus,
    /** Gone with all that it had; what is returned starts it again. */
    lose: async () => {
      const { port } = new URL(bus.url)
      await bus.kill()
      await rm(join(dir, 'bus'), { recursive: true })
      return () => bus.start(Number(port))
    }
  }
}

const service = (t: Test, url: string, parts: RigParts) =>
  rig(t, { bus: embeddedBus({ url }), clock: systemClock, schemas: anyData(TYPE), ...parts })

t.test('readers subscribe again by themselves, and what is sent meanwhile waits for them', async t => {
  const { bus, lose } = await startBus(t)
  const got = new Set<string>()
  const route: MessageRoute<SqlTx> = { kind: 'event', handle: async ({ subject }) => { got.add(subject) } }
  const shop = await service(t, bus.url, {})
  const reader = await service(t, bus.url,
    { service: 'reader', routes: { [TYPE]: route }, subscribe: [{ service: 'shop', types: [TYPE] }] })
  const emit = (subject: string) => shop.messaging.tx(async (_tx, emit) => {
    await emit.event({ type: TYPE, subject, aggregateType: 'shop', aggregateVersion: 1, data: {} })
  })
  await reader.messaging.start()
  await shop.messaging.start()
  await emit('before')
  await until(() => got.has('before'), 'the first event came')

  const back = await lose()
  await emit('while it is away')
  await back()
  for (const subject of ['1', '2', '3']) await emit(subject)
  await until(() => !shop.messaging.busUp, 'its health says so')
  await until(() => got.size === 5, 'all that was accepted came', 60_000)
  for (const { lines } of [shop, reader]) {
    t.equal(lines.filter(({ level, text }) => level === 'error' && text.startsWith('the bus began anew')).length, 1)
  }
  await until(() => shop.messaging.busUp && reader.messaging.busUp, 'all is well again')
})

t.test('a bus that was only restarted is the same one', async t => {
  const { bus } = await startBus(t)
  const { messaging, lines } = await service(t, bus.url, {})
  await messaging.start()
  await bus.restart()
  await messaging.bus.publish('topic', [message('g', 1)])
  t.same(lines.filter(({ level }) => level === 'error'), [])
})

t.test('a bus that is replaced waits for the file until the old one has ended, and one that need not wait says whose it is', async t => {
  const start = async (wait: string) => startServer({
    settings: await loadSettings({ name: 'bus', folder: '/nonexistent', args: {
      'server.port': '0', 'breakwater.data.dir': dir, 'breakwater.bus.wait-for-owner': wait
    } }),
    log: createLogger({ name: 'bus', level: 'silent' })
  })
  const dir = t.testdir()
  const old = await start('0')
  await t.rejects(start('0'), { code: 'E_STORE_OWNED' })
  const next = start('60s')
  await old.stop()
  await (await next).stop()
})

t.test('whoever means another bus gets nothing and changes nothing', async t => {
  const { bus, lose } = await startBus(t)
  const client = embeddedBus({ url: bus.url })
  t.teardown(() => client.close())
  await client.send('q', [message('g', 1)])
  const back = await lose()
  await back()
  await t.rejects(client.send('q', [message('g', 2)]), { code: 'E_BUS_RENEWED', canRetry: true })
  t.match(await client.stats('q'), { waiting: 0 }, 'the next question means the one that is there')
  await t.rejects(client.publish('topic', [message('g', 2)]), { code: 'E_BUS_RENEWED' }, 'others are given time to subscribe')
  t.equal((await client.send('q', [message('g', 2)])).size, 0, 'a queue needs no subscription')
})

t.test('a loop that is called runs at once, and once more when it was running; not before its start', async t => {
  const clock = new ManualClock()
  let runs = 0
  const held = Promise.withResolvers<void>()
  const log = { info () {}, warn () {}, error () {} }
  const loop = new Loop(new Work('test', log, clock), clock, 60_000, async () => {
    if (++runs === 2) await held.promise
  })
  loop.soon()
  await clock.advance(1000)
  t.equal(runs, 0)
  loop.start()
  loop.soon()
  await clock.advance(1)
  t.equal(runs, 1)
  loop.soon()
  await clock.advance(1)
  loop.soon()
  loop.soon()
  held.resolve()
  await clock.advance(1)
  t.equal(runs, 3)
  await clock.advance(59_000)
  t.equal(runs, 3)
  await clock.advance(2000)
  t.equal(runs, 4)
  await loop.stop()
})
