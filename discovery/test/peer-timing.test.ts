/** When peers are called, by a clock that the test moves and answers that it holds back. */
import t from 'tap'
import { discoveryError } from '../errors.ts'
import type { PeerCaller, PeerReply } from '../peers/calling.ts'
import { Peer } from '../peers/peer.ts'
import { Peers } from '../peers/peers.ts'
import type { Replication } from '../peers/replication.ts'
import { Clock, instance, rawInstance } from './support/instances.ts'
import { bareRegistry } from './support/registry.ts'

const QUEUE = { max: 100, cancelMs: 30_000, statusMs: 600_000 }

/** Timers that run when the test moves the clock. */
function timers (clock: Clock) {
  const due = new Set<{ readonly at: number, readonly callback: () => void }>()
  return {
    due,
    after: (ms: number, callback: () => void) => {
      const timer = { at: clock.ms + ms, callback }
      due.add(timer)
      return () => { due.delete(timer) }
    },
    advance: async (ms: number) => {
      clock.advance(ms)
      for (const timer of [...due].filter(({ at }) => at <= clock.ms)) {
        due.delete(timer)
        timer.callback()
      }
      await settled()
    }
  }
}

/** All that follows without a timer has happened. */
const settled = () => new Promise<void>(resolve => { setImmediate(resolve) })

function setUp (answer: (path: string) => Promise<PeerReply>) {
  const clock = new Clock()
  const world = timers(clock)
  const calls: string[] = []
  const connect = (url: string): PeerCaller => ({
    url,
    call (_method, path) {
      calls.push(path)
      return answer(path)
    },
    close () {}
  })
  const options = {
    connect, timeoutMs: 1000, compareMs: 1000, queue: QUEUE, batchMs: 500, batchSize: 10, now: clock.now,
    log: undefined, after: world.after
  }
  return { calls, options, clock, ...world }
}

/** Worth telling for ten minutes. */
const override: Replication = { action: 'StatusUpdate', app: 'ORDERS', id: 'h1:orders:8080', instance: instance() }
const unreachable = () => Promise.reject(discoveryError('E_PEER_UNREACHABLE', ['refused']))

t.test('a peer that answers a comparison is told at once what waits, however long the pause before the next try had become', async t => {
  let away = true
  const { options: { connect, ...options }, calls, advance, clock } = setUp(async path => {
    if (away) return unreachable()
    return path.endsWith('/batch/') ? { status: 200, body: '{"responseList":[{"statusCode":200}]}' } : { status: 404, body: '' }
  })
  const http = connect('http://peer/eureka/')
  const peer = new Peer({ ...options, book: bareRegistry(clock).book, http, compareHttp: http, onLearned () {} })
  t.teardown(() => peer.stop())
  peer.tell(override)
  for (let seconds = 0; seconds < 60; seconds++) await advance(1000)
  t.equal(peer.state.queued, 1)
  const tries = calls.length
  t.ok(tries > 5 && tries < 20, `${tries} tries in a minute, ever more seldom`)
  away = false
  await peer.compare()
  await advance(0)
  t.same(calls.slice(tries), ['peerreplication/compare', 'peerreplication/batch/'])
  t.equal(peer.state.queued, 0)
})

t.test('a registry that is stopped while its peers are asked for their lists asks nobody any more', async t => {
  const asked = Promise.withResolvers<void>()
  const list = Promise.withResolvers<PeerReply>()
  const lastWord = Promise.withResolvers<PeerReply>()
  const { options, calls, advance, due, clock } = setUp(async path => {
    if (path.endsWith('/batch/')) return lastWord.promise
    if (path.startsWith('peerreplication')) return { status: 404, body: '' }
    asked.resolve()
    return list.promise
  })
  const registry = bareRegistry(clock)
  const peers = new Peers(registry, options)
  await peers.use(['http://peer/eureka/'])
  const joined = peers.join(5, 1000)
  await asked.promise
  peers.tell(override)
  const stopped = peers.stop()
  list.resolve({ status: 200, body: JSON.stringify({ applications: { application: [{ name: 'ORDERS', instance: [rawInstance()] }] } }) })
  await joined
  const before = calls.length
  await advance(60_000)
  t.equal(due.size, 0, 'no timer is left')
  lastWord.resolve({ status: 200, body: '{"responseList":[{"statusCode":200}]}' })
  await stopped
  t.equal(calls.length, before)
  t.equal(registry.book.size, 0, 'and what came late is not taken')
})
