import { t } from 'tap'
import { createEmitter, Said } from '../emitter.ts'
import { Schemas, uuidv7, type Emitter, type OutboxEntry } from '../index.ts'
import { MessageTrace } from '../trace.ts'
import { anyData, rig } from './rig.ts'

const SCHEMAS = anyData('shop.Opened.v1', 'stock.Do.v1')
const draft = (changes: object = {}) =>
  ({ type: 'shop.Opened.v1', subject: 'a', aggregateType: 'thing', aggregateVersion: 1, data: {}, ...changes })

async function start (t: Parameters<typeof rig>[0]) {
  const made = await rig(t, { schemas: SCHEMAS })
  await made.messaging.start()
  return made
}

t.test('a command goes to the service that its type begins with', async t => {
  const { messaging, bus, clock } = await start(t)
  await messaging.tx((_tx, emit) => emit.command(draft({ type: 'stock.Do.v1' })))
  await clock.advance(1000)
  t.match(bus.sent, [{ dest: 'breakwater-stock-in.fifo' }])
})

t.test('what is said behind the end of its transaction is refused: it would belong to none', async t => {
  const { messaging, store } = await start(t)
  let late: Emitter | undefined
  await messaging.tx(async (_tx, emit) => { late = emit })
  await t.rejects(late!.event(draft()), { code: 'E_TX_CLOSED' })
  await t.rejects(messaging.tx(async (_tx, emit) => {
    late = emit
    throw new Error('undone')
  }), { message: 'undone' })
  await t.rejects(late!.command(draft({ type: 'stock.Do.v1' })), { code: 'E_TX_CLOSED' })
  t.equal(await store.outbox.count(), 0)
  // Not every store would notice.
  const said = new Said()
  const emit = createEmitter({ service: 'shop', prefix: 'x', schemas: new Schemas(SCHEMAS), now: () => 0, newId: uuidv7,
    trace: new MessageTrace(undefined, () => 0) }, { outbox: { append: async () => {} } } as never, {}, said)
  await emit.event(draft())
  said.close()
  await t.rejects(emit.event(draft()), { code: 'E_TX_CLOSED' })
})

t.test('what nobody waited for is written with the rest, or undoes it', async t => {
  const { messaging, store } = await start(t)
  const written: OutboxEntry[] = []
  let fails = false
  const slowly = <Tx extends { outbox: { append (entries: readonly OutboxEntry[]): Promise<void> } }>(tx: Tx): void => {
    const append = tx.outbox.append.bind(tx.outbox)
    tx.outbox.append = async entries => {
      await new Promise(resolve => { setImmediate(resolve) })
      if (fails) throw new Error('no room')
      written.push(...entries)
      await append(entries)
    }
  }
  const forgetful = () => messaging.tx(async (tx, emit) => {
    slowly(tx)
    void emit.event(draft())
  })
  await forgetful()
  t.equal(written.length, 1)
  t.equal(await store.outbox.count(), 1)
  fails = true
  await t.rejects(forgetful(), { message: 'no room' })
})

t.test('text and subjects that some store or bus cannot carry are refused where they are said', async t => {
  const { messaging, store } = await start(t)
  const refused: Array<[object, RegExp]> = [
    [{ subject: '' }, /\/subject/], [{ subject: 'x'.repeat(129) }, /\/subject/], [{ subject: 'a\0b' }, /\/subject.*NUL/],
    [{ subject: '\ud800' }, /\/subject.*surrogate/], [{ data: { name: 'a\0b' } }, /\/data\/name.*NUL/],
    [{ data: { list: [{ 'a\udc00': 1 }] } }, /\/data\/list\/0/], [{ aggregateVersion: 1.5 }, /aggregateversion/],
    [{ aggregateVersion: 0 }, /aggregateversion/], [{ type: 'shop.Unknown.v1' }, /no schema/]
  ]
  for (const [changes, message] of refused) {
    await t.rejects(messaging.tx((_tx, emit) => emit.event(draft(changes))), { code: 'E_EVENT_SCHEMA', message })
  }
  await messaging.tx((_tx, emit) => emit.event(draft({ subject: 'cart 7 日本', data: { name: '\u{1F600}\u0001\uffff' } })))
  t.equal(await store.outbox.count(), 1)
})
