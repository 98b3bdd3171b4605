import t from 'tap'
import { CacheOwner, type CacheFinding } from '../cache/cache-owner.ts'
import { LoopCache } from '../cache/loop-cache.ts'

const question = { cache: '', maxBytes: 10_000, key: 'k', fields: {} }
const answer = {
  status: 200, headers: [], body: new Uint8Array(0), storedMs: 0, expiresMs: 100, toldMs: 100, updatingMs: 0,
  failingMs: 0, hasValidator: false, target: { route: 'r', host: 'h', path: '/p' }
}
const leaseOf = (found: CacheFinding) => found.kind === 'lead' ? found.lease : 0

t.test('who waits is let go when the loop that was to bring it has ended, and when it is kept', async t => {
  const owner = new CacheOwner(() => 0)
  const [first, second] = [owner.access(0), owner.access(1)]
  t.match(await first.look(question), { kind: 'lead' })
  const waiting = Promise.resolve(second.look(question))
  owner.ended(1)
  owner.ended(0)
  t.match(await waiting, { kind: 'pass' })
  const lease = leaseOf(await first.look(question))
  const others = [1, 2].map(() => Promise.resolve(second.look(question)))
  first.keep({ ...question, vary: [], answer, askedMs: 0 }, lease)
  for (const one of await Promise.all(others)) t.match(one, { kind: 'hit', answer })
  t.match(await second.look(question), { kind: 'hit' })
})

t.test('what varies is brought once for each kind of caller; what no route has any more is forgotten', async t => {
  const owner = new CacheOwner(() => 0)
  const loop = owner.access(0)
  const of = (user: string) => ({ ...question, fields: { user } })
  const lease = leaseOf(await loop.look(of('a')))
  const [same, other] = [Promise.resolve(loop.look(of('a'))), Promise.resolve(loop.look(of('b')))]
  loop.keep({ ...of('a'), vary: ['user'], answer, askedMs: 0 }, lease)
  t.match(await same, { kind: 'hit' })
  t.match(await other, { kind: 'lead' })
  loop.retain(['another'])
  t.match(await loop.look(of('a')), { kind: 'lead' })
  owner.stop()
})

t.test('nobody waits for what was not to be kept a moment ago', async t => {
  let nowMs = 0
  const loop = new CacheOwner(() => nowMs).access(0)
  loop.release(leaseOf(await loop.look(question)), true)
  t.match(await loop.look(question), { kind: 'pass' })
  nowMs = 10_000
  t.match(await loop.look(question), { kind: 'lead' })
})

t.test('a copy is of what was asked, whoever has the exchange when the owner answers', async t => {
  const owner = new CacheOwner(() => 0).access(0)
  let user = 'a'
  const copies = new LoopCache({ ...owner, look: async asked => await owner.look(asked) }, () => 0, 1)
  const asked = () => copies.find({ ...question, header: () => user, fields: () => ({ user }) })
  const kept = { ...question, vary: ['user'], askedMs: 0 }
  owner.keep({ ...kept, fields: { user: 'a' }, answer: { ...answer, status: 201 } }, 0)
  owner.keep({ ...kept, fields: { user: 'b' }, answer: { ...answer, status: 202 } }, 0)
  const first = asked()
  user = 'b'
  t.match(await first, { answer: { status: 201 } })
  t.match(await asked(), { answer: { status: 202 } })
  t.match(await asked(), { answer: { status: 202 } }, 'nor from the copy')
})

t.test('what is stale goes with the word to bring it anew, and to others while it may', async t => {
  let nowMs = 0
  const loop = new CacheOwner(() => nowMs).access(0)
  const stale = { ...answer, hasValidator: true, updatingMs: 200 }
  loop.keep({ ...question, vary: [], answer: stale, askedMs: 0 }, 0)
  nowMs = 150
  const lead = await loop.look(question)
  t.match(lead, { kind: 'lead', stale })
  t.match(await loop.look(question), { kind: 'hit', answer: stale }, 'others need not wait for it')
  nowMs = 250
  const waits = Promise.resolve(loop.look(question))
  loop.release(leaseOf(lead), false)
  t.match(await waits, { kind: 'pass', stale }, 'and who had to wait has it at hand, too')
})

t.test('for what is to be asked for each time nobody waits', async t => {
  const loop = new CacheOwner(() => 10).access(0)
  const lease = leaseOf(await loop.look(question))
  const other = Promise.resolve(loop.look(question))
  const stale = { ...answer, storedMs: 10, expiresMs: 10, hasValidator: true }
  loop.keep({ ...question, vary: [], answer: stale, askedMs: 0 }, lease)
  t.match(await other, { kind: 'pass', stale: undefined })
  t.match(await loop.look(question), { kind: 'pass', stale: { expiresMs: 10 } })
})

t.test('what was forgotten is not kept by who had asked for it before, at the owner or as a copy', async t => {
  let nowMs = 5
  const owner = new CacheOwner(() => nowMs).access(0)
  const copies = new LoopCache(owner, () => nowMs, 1)
  /** Nobody is to wait for whom we ask for here. */
  const find = async (): Promise<string> => {
    const found = await copies.find({ ...question, header: () => '', fields: () => ({}) })
    copies.release(leaseOf(found), false)
    return found.kind
  }
  for (const selection of [{ host: 'h', path: '/p' }, { route: 'r' }, { path: '/p*' }, {}]) {
    const before = { ...question, vary: [], answer, askedMs: nowMs }
    copies.keep(before, 0)
    t.equal(await find(), 'hit')
    copies.forget(selection)
    t.equal(await find(), 'lead', JSON.stringify(selection))
    copies.keep(before, 0)
    t.equal(await find(), 'lead')
    nowMs++
  }
  copies.keep({ ...question, vary: [], answer, askedMs: nowMs }, 0)
  for (const other of [{ host: 'h', path: '/q' }, { route: 's' }, { path: '/q*' }, { host: 'i' }]) copies.forget(other)
  t.equal(await find(), 'hit', 'and nothing else goes')
})
