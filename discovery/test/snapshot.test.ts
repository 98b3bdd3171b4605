import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import t from 'tap'
import { createDiscovery } from '../index.ts'
import { readSnapshot, writeSnapshot } from '../snapshot/format.ts'
import { Book } from '../registry/book.ts'
import { EventReader } from './support/event-reader.ts'
import { Clock, instance, rules, type Raw } from './support/instances.ts'
import { call, getJson, register, startDiscovery, until } from './support/server.ts'

const PATH = '/eureka/apps/ORDERS/h1:orders:8080'

const root = t.testdir()
/** A folder that outlives the registries that a test leaves to be stopped. */
const folderOf = (): string => mkdtempSync(join(root, 'snapshot-'))

function book (entries: number): Book {
  const made = new Book(rules(new Clock(), { maxInstances: 10_000 }))
  for (let i = 0; i < entries; i++) made.register(instance({ instanceId: `i${i}`, metadata: { ['__proto__']: 'ü\u2028' } }), false)
  made.override('ORDERS', 'i0', 'OUT_OF_SERVICE')
  return made
}

t.test('a snapshot is read back as it was written', async t => {
  const from = book(450)
  const text = [...writeSnapshot({ epoch: 'abc', n: from.log.n, clean: true, at: 7 }, from.copies.states())].join('')
  const read = readSnapshot(text)!
  t.match(read, { epoch: 'abc', n: from.log.n, clean: true })
  t.same(read.entries.map(({ id, facts }) => [id, facts.registration?.stamp, facts.override?.status]),
    from.copies.states().map(({ id, facts }) => [id, facts.registration?.stamp, facts.override?.status]))
  t.equal(read.entries[7]!.facts.registration!.instance.metadata.get('__proto__'), 'ü\u2028')
  const again = new Book(rules(new Clock(), { maxInstances: 10_000 }))
  again.copies.restore(read)
  t.equal(again.lease('ORDERS', 'i7')!.instance.lease.serviceUpAt, from.lease('ORDERS', 'i7')!.instance.lease.serviceUpAt)
  t.same(again.digests.sums, from.digests.sums, 'all the facts, and no others')
  t.match(readSnapshot([...writeSnapshot({ epoch: 'e', n: 0, clean: false, at: 7 }, [])].join('')), { entries: [] })
})

t.test('no torn or changed file is believed', async t => {
  const from = book(5)
  const text = [...writeSnapshot({ epoch: 'abc', n: 6, clean: true, at: 7 }, from.copies.states())].join('')
  for (let length = 0; length < text.length; length += 13) {
    if (readSnapshot(text.slice(0, length)) !== undefined) t.fail(`cut at ${length}`)
  }
  t.equal(readSnapshot(text.replace('i3', 'i9')), undefined)
  t.equal(readSnapshot(text.replace('"version":2', '"version":3')), undefined)
  for (const foreign of ['', '\n', '{}', 'hello', '{"end":0,"crc32":0}\n', '\0\0\0']) t.equal(readSnapshot(foreign), undefined)
})

t.test('a registry that stopped in peace goes on where it was: list, overrides, and the place in the stream', async t => {
  const snapshotFile = join(folderOf(), 'deep/registry.snapshot')
  const first = await startDiscovery(t, { snapshotFile })
  await register(first.url)
  await call(first.url, `${PATH}/status?value=OUT_OF_SERVICE`, { method: 'PUT' })
  const { index } = await getJson<{ index: string }>(first.url, '/eureka/stream')
  await first.stop()

  const second = await startDiscovery(t, { snapshotFile })
  t.match(await getJson(second.url, PATH), { instance: { status: 'OUT_OF_SERVICE', overriddenStatus: 'OUT_OF_SERVICE' } })
  const resumed = await getJson<Raw>(second.url, `/eureka/stream?index=${index}&wait=10ms`)
  t.same(resumed, { index, reset: false, changes: [] }, 'who knew all is told nothing again')
  t.ok(second.registry.book.lease('ORDERS', 'h1:orders:8080')!.unverified)
  t.equal((await call(second.url, `${PATH}?lastDirtyTimestamp=1700000000000`, { method: 'PUT' })).status, 200)
  t.notOk(second.registry.book.lease('ORDERS', 'h1:orders:8080')!.unverified, 'the heartbeat confirmed it')
  const reader = new EventReader(second.url, `?index=${index}`)
  t.after(() => reader.close())
  await register(second.url, { instanceId: 'new' })
  await reader.received(1)
  t.match(reader.last, { event: 'change', data: { instance: { instanceId: 'new' } } })
})

t.test('who does not confirm is gone at the end of its lease', async t => {
  const snapshotFile = join(folderOf(), 'registry.snapshot')
  const clock = new Clock()
  const first = await startDiscovery(t, { snapshotFile }, { now: clock.now })
  await register(first.url)
  await first.stop()
  clock.advance(3_600_000)
  const second = await startDiscovery(t, { snapshotFile, evictionIntervalMs: 10 }, { now: clock.now })
  t.equal(second.registry.book.size, 1, 'however long the registry was away')
  clock.advance(90_001)
  // The clock jumped, which the registry takes for its own standstill; from the next look on it counts.
  await until(() => { clock.advance(1); return second.registry.book.size === 0 }, 'it is removed')
})

t.test('after SIGKILL the last written state is served, under a new index', async t => {
  const snapshotFile = join(folderOf(), 'registry.snapshot')
  const start = async () => {
    const child = spawn(process.execPath, [join(import.meta.dirname, '../main.ts'), '--port', '0',
      `--breakwater.discovery.snapshot-file=${snapshotFile}`, '--breakwater.discovery.snapshot-interval=50ms'])
    t.after(() => child.kill('SIGKILL'))
    for await (const line of createInterface({ input: child.stdout })) {
      const url = /"url":"(http:[^"]+)"/.exec(line)?.[1]
      if (url !== undefined) return { child, url }
    }
    throw new Error('the registry did not start')
  }
  const first = await start()
  await register(first.url)
  const { index } = await getJson<{ index: string }>(first.url, '/eureka/stream')
  await until(() => readSnapshot(readFileSync(snapshotFile, 'utf8'))?.entries.length === 1, 'it is written')
  first.child.kill('SIGKILL')
  const second = await start()
  t.match(await getJson(second.url, PATH), { instance: { status: 'UP' } })
  const answer = await getJson<{ reset: boolean, index: string }>(second.url, `/eureka/stream?index=${index}&wait=10ms`)
  t.match(answer, { reset: true }, 'something may have happened that was not written')
  t.not(answer.index.split('-')[0], index.split('-')[0])
})

t.test('a file that was read is no longer called whole: what follows may be lost before it is written', async t => {
  const snapshotFile = join(folderOf(), 'registry.snapshot')
  const before = await startDiscovery(t, { snapshotFile })
  await register(before.url)
  await before.stop()
  t.match(readSnapshot(readFileSync(snapshotFile, 'utf8')), { clean: true })
  await startDiscovery(t, { snapshotFile, snapshotIntervalMs: 600_000 })
  t.match(readSnapshot(readFileSync(snapshotFile, 'utf8')), { clean: false })
})

t.test('a torn file is moved aside and the registry starts', async t => {
  const folder = folderOf()
  const snapshotFile = join(folder, 'registry.snapshot')
  writeFileSync(snapshotFile, '{"format":"breakwater-registry"')
  const discovery = await startDiscovery(t, { snapshotFile })
  t.equal(discovery.registry.book.size, 0)
  const aside = readdirSync(folder).filter(name => name.includes('.broken-'))
  t.equal(aside.length, 1)
  t.equal(readFileSync(join(folder, aside[0]!), 'utf8'), '{"format":"breakwater-registry"')
  t.ok(existsSync(snapshotFile), 'and a whole one is in its place')
  await discovery.stop()
  truncateSync(snapshotFile, 10)
  t.equal((await startDiscovery(t, { snapshotFile })).registry.book.size, 0)
})

t.test('a stop of a half-written new file leaves the old one', async t => {
  const snapshotFile = join(folderOf(), 'registry.snapshot')
  const first = await startDiscovery(t, { snapshotFile })
  await register(first.url)
  await first.stop()
  writeFileSync(`${snapshotFile}.new`, 'half')
  t.equal((await startDiscovery(t, { snapshotFile })).registry.book.size, 1)
})

t.test('a place that cannot be written is said at the start', async t => {
  const blocked = join(folderOf(), 'file')
  writeFileSync(blocked, '')
  const discovery = createDiscovery({ port: 0, snapshotFile: join(blocked, 'registry.snapshot') })
  await t.rejects(discovery.start(), { code: 'E_SNAPSHOT_FILE', message: /breakwater.discovery.snapshot-file/ })
})
