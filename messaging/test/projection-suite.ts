/** What a projection promises its readers, on any SQL store. */
import type { Test } from 'tap'
import { systemClock, type SqlStore } from '../index.ts'
import { until } from './until.ts'
import { createRig, Source, unreachable, type Rig, type RigOptions } from './projection-rig.ts'

export async function projectionSuite (t: Test, open: () => Promise<SqlStore>): Promise<void> {
  const store = await open()
  t.teardown(() => store.close())
  let cases = 0
  /** A projection of its own for each case. */
  const rig = (t: Test, options: RigOptions = {}, source = new Source(), name = `p${++cases}`) => {
    const made = createRig(store, source, name, options)
    t.teardown(() => made.projection.stop())
    return { ...made, source, name }
  }
  const level = (rig: Rig, source: Source, ids: readonly string[]) => until(async () =>
    (await Promise.all(ids.map(async id => await rig.version(id) === source.versionOf(id)))).every(Boolean), 'it is level')
  const swapped = (rig: Rig, generation: number) => until(async () =>
    (await rig.projection.status()).active === generation, `readers have generation ${generation}`)

  await t.test('skips what it has seen and fills holes from the stream', async t => {
    const { source, version, deliver } = rig(t)
    const [first, second, , fourth] = [1, 2, 3, 4].map(() => source.add('a'))
    await deliver(first!)
    await deliver(fourth!)
    t.equal(await version('a'), 4)
    await deliver(second!)
    t.equal(await version('a'), 4)
  })

  await t.test('follows the feed to what no message told it, over many pages', async t => {
    const made = rig(t)
    made.projection.start()
    const ids = Array.from({ length: 45 }, (_, n) => `s${n}`)
    for (let version = 1; version <= 10; version++) for (const id of ids) made.source.add(id)
    await level(made, made.source, ids)
  })

  await t.test('a rebuild takes nothing from readers while it runs, stands still or is asked for again', async t => {
    const made = rig(t)
    const { source, projection, version, ids, deliver } = made
    const names = Array.from({ length: 300 }, (_, n) => `s${String(n).padStart(3, '0')}`)
    for (const id of names) source.add(id)
    for (const id of names) source.add(id)
    projection.start()
    await level(made, source, names)
    // The source is away from the second page on.
    let pages = 0
    source.gate = async () => { if (++pages > 2) await unreachable() }
    await projection.rebuild()
    await until(() => pages > 4, 'the rebuild stands still')
    t.match(await projection.status(), { active: 1, building: 2, following: { error: /the source is away/ } })
    t.equal((await ids()).length, 300)
    t.equal(await version('s299'), 2)
    source.gate = async () => {}
    await deliver(source.add('s299'))
    t.equal(await version('s299'), 3, 'what happens meanwhile is seen at once')
    source.gate = unreachable
    await projection.rebuild()
    t.match(await projection.status(), { active: 1, building: 3 })
    source.gate = async () => {}
    const seen: number[] = []
    const look = async () => { seen.push((await ids()).length, await version('s000') ?? 0) }
    await until(async () => {
      await look()
      return (await projection.status()).active === 3
    }, 'readers have the new one')
    t.same(seen.filter(n => n !== 300 && n !== 2), [], 'no look found less')
    t.equal(await version('s299'), 3)
    await until(async () => await made.rows() === 300, 'what nobody reads is forgotten')
  })

  await t.test('a rebuild leaves out what the source has no more, and keeps what it brings at the last moment', async t => {
    const made = rig(t)
    const { source, projection, version, ids, deliver } = made
    for (const id of ['gone', 'kept']) source.add(id)
    projection.start()
    await level(made, source, ['gone', 'kept'])
    source.events.splice(0, 1)
    // Each time the rebuild asks for something, a message has brought more.
    source.gate = async () => {
      await deliver(source.add('busy'))
      if (source.versionOf('late') === 0) await deliver(source.add('late'))
    }
    await projection.rebuild()
    await swapped(made, 2)
    source.gate = async () => {}
    t.same(await ids(), ['busy', 'kept', 'late'])
    await level(made, source, ['busy'])
    t.equal(await version('gone'), undefined)
  })

  await t.test('one event that cannot be applied holds up its own stream only, and is tried again', async t => {
    let broken = true
    let nowMs = Date.now()
    const made = rig(t, { clock: { ...systemClock, now: () => nowMs }, onApply: event => {
      if (broken && event.stream === 'bad' && event.version === 2) throw new Error('a document of this kind is unknown')
    } })
    const { source, projection, version, told, deliver } = made
    for (const id of ['bad', 'good', 'bad', 'good', 'bad']) source.add(id)
    projection.start()
    await until(async () => await version('good') === 2, 'the good one went on')
    t.equal(await version('bad'), 1)
    t.match((await projection.status()).parked, [{ stream: 'bad', version: 2, error: /of this kind is unknown/ }])
    source.add('good')
    await until(async () => await version('good') === 3, 'so does what comes later')
    await deliver(source.add('bad'))
    t.equal(await version('bad'), 1, 'a message of the stream that stands still waits for it')
    t.equal(told.filter(line => line.level === 'error').length, 1, 'told once')
    broken = false
    t.equal(await version('bad'), 1)
    nowMs += 61_000
    await until(async () => await version('bad') === 4, 'it was tried again')
    t.same((await projection.status()).parked, [])
  })

  await t.test('what is only away parks nothing: it is waited for', async t => {
    let away = true
    const made = rig(t, { onApply: () => {
      if (away) throw Object.assign(new Error('not now'), { canRetry: true })
    } })
    made.source.add('a')
    made.projection.start()
    await until(async () => (await made.projection.status()).following.failures > 1, 'the look failed')
    t.same((await made.projection.status()).parked, [])
    t.equal(made.told.filter(line => line.level === 'warn').length, 1, 'a hundred failures in a row are one line')
    away = false
    await level(made, made.source, ['a'])
    await until(async () => (await made.projection.status()).following.failures === 0, 'the look that ended well is told')
  })

  await t.test('a rebuild in which a stream stands still does not take over', async t => {
    const broken = new Set<number>()
    const made = rig(t, { onApply: ({ stream }, generation) => {
      if (stream === 'a' && broken.has(generation)) throw new Error('the new code does not know it')
    } })
    const { source, projection, version, ids } = made
    for (const id of ['a', 'b']) source.add(id)
    projection.start()
    await level(made, source, ['a', 'b'])
    broken.add(2)
    let beginnings = 0
    const feed = source.feed.bind(source)
    source.feed = (after, limit) => {
      if (after === 0) beginnings++
      return feed(after, limit)
    }
    await projection.rebuild()
    await until(async () => (await projection.status()).parked.length === 1, 'the new one stands still')
    const before = source.events.length
    source.add('b')
    await until(async () => await version('b') === 2, 'what readers have goes on')
    t.match(await projection.status(), { active: 1, building: 2 })
    t.same([await version('a'), (await ids()).length, before, beginnings], [1, 2, 2, 1])
    broken.clear()
    await projection.retryParked()
    await swapped(made, 2)
  })

  await t.test('newer code builds its own documents beside the old; older code leaves them alone', async t => {
    const old = rig(t, { followMs: 60_000 })
    const { source, name } = old
    for (const id of ['a', 'b', 'a']) source.add(id)
    old.projection.start()
    await level(old, source, ['a', 'b'])
    const young = rig(t, { code: 2 }, source, name)
    source.gate = unreachable
    young.projection.start()
    await until(async () => (await young.projection.status()).building === 2, 'it has begun')
    t.equal(await young.made('a'), 'code 1')
    source.gate = async () => {}
    await swapped(young, 2)
    t.same(await Promise.all(['a', 'b'].map(id => young.made(id))), ['code 2', 'code 2'])
    const event = source.add('a')
    await t.rejects(old.deliver(event), { name: 'Transient' }, 'the message is left to a newer instance')
    await young.deliver(event)
    t.same([await young.made('a'), await young.version('a')], ['code 2', 3])
  })

  await t.test('a hole in the feed is filled from the stream, and parks it when the source has nothing either', async t => {
    const made = rig(t)
    const { source, projection, version } = made
    for (const id of ['a', 'c', 'b']) source.add(id)
    source.add('c', 3)
    const pull = source.pull.bind(source)
    const lost = { stream: 'a', version: 2, type: 'shop.Asked.v1', data: { n: 2 }, at: 1, pos: 0 }
    source.pull = async (stream, from) => stream === 'a' && from === 2 ? [lost, ...await pull('a', 3)] : pull(stream, from)
    source.add('a', 3)
    projection.start()
    await until(async () => await version('a') === 3, 'the hole was filled')
    await until(async () => (await projection.status()).parked.length === 1, 'the other one stands still')
    t.same([await version('b'), await version('c')], [1, 1])
    t.match((await projection.status()).parked, [{ stream: 'c', version: 3, error: /nothing between 1 and 3/ }])
  })

  await t.test('an instance that ends in the middle of a rebuild leaves it to the next one', async t => {
    const first = rig(t)
    const { source, name } = first
    const names = Array.from({ length: 450 }, (_, n) => `s${n}`)
    for (const id of names) source.add(id)
    first.projection.start()
    await level(first, source, [names.at(-1)!])
    // A page of the new generation, and no more.
    const whole = source.feed.bind(source)
    source.feed = async (after, limit) => after === 0 || after === 450 ? whole(after, limit) : unreachable()
    await first.projection.rebuild()
    await until(async () => await first.rows() > 450, 'some of it is built')
    await first.projection.stop()
    source.feed = whole
    const second = rig(t, {}, source, name)
    const positions: number[] = []
    const feed = source.feed.bind(source)
    source.feed = (after, limit) => {
      positions.push(after)
      return feed(after, limit)
    }
    second.projection.start()
    await swapped(second, 2)
    t.notOk(positions.includes(0), 'it went on where the first one had ended')
    t.equal((await second.ids()).length, 450)
  })
}
