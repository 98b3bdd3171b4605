import t from 'tap'
import { CacheOwner, type CacheFinding } from '../cache/cache-owner.ts'
import { LoopCache } from '../cache/loop-cache.ts'

const question = { cache: '', maxBytes: 10_000, key: 'k', fields: {} }
const answer = { status: 200, headers: [], body: new Uint8Array(0), storedMs: 0, expiresMs: 100, toldMs: 100 }
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
  first.keep({ ...question, vary: [], answer }, lease)
  for (const one of await Promise.all(others)) t.match(one, { kind: 'hit', answer })
  t.match(await second.look(question), { kind: 'hit' })
})

t.test('what varies is brought once for each kind of caller; what no route has any more is forgotten', async t => {
  const owner = new CacheOwner(() => 0)
  const loop = owner.access(0)
  const of = (user: string) => ({ ...question, fields: { user } })
  const lease = leaseOf(await loop.look(of('a')))
  const [same, other] = [Promise.resolve(loop.look(of('a'))), Promise.resolve(loop.look(of('b')))]
  loop.keep({ ...of('a'), vary: ['user'], answer }, lease)
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
  const kept = { ...question, vary: ['user'] }
  owner.keep({ ...kept, fields: { user: 'a' }, answer: { ...answer, status: 201 } }, 0)
  owner.keep({ ...kept, fields: { user: 'b' }, answer: { ...answer, status: 202 } }, 0)
  const first = asked()
  user = 'b'
  t.match(await first, { answer: { status: 201 } })
  t.match(await asked(), { answer: { status: 202 } })
  t.match(await asked(), { answer: { status: 202 } }, 'nor from the copy')
})
