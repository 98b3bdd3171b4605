import { t, type Test } from 'tap'
import { commandRoute, Poison, SAGA_TABLES, Sagas, Schemas, type MessageRoute, type SqlTx } from '../index.ts'
import { createRandom, createWorld, type Service, type TestWorld, type WorldOptions } from '../testing/index.ts'

interface Cart { readonly total: number }

const schemas = new Schemas([
  { $id: 'payments.TakeMoney.v1', type: 'object', required: ['total'], properties: { total: { type: 'integer' } } },
  { $id: 'payments.GiveBack.v1', type: 'object' },
  { $id: 'payments.MoneyTaken.v1', type: 'object' },
  { $id: 'payments.MoneyReturned.v1', type: 'object' },
  { $id: 'shop.CartPaid.v1', type: 'object' }
])

const carts = () => new Sagas<Cart>({
  type: 'CheckOut',
  states: {
    PAYING: { sends: 'payments.TakeMoney.v1', replies: ['payments.MoneyTaken.v1'],
      deadlineMs: attempt => attempt === 0 ? 30_000 : 1000 },
    VOIDING: { sends: 'payments.GiveBack.v1', replies: ['payments.MoneyReturned.v1'], deadlineMs: 5000 },
    PAID: { ends: true },
    GIVEN_UP: { ends: true }
  },
  decide: ({ state, attempt, data }, input) => {
    if (input.kind === 'start') return { to: 'PAYING', note: 'checked out', send: { total: data.total } }
    if (input.kind === 'reply') {
      return state === 'PAYING'
        ? { to: 'PAID', note: 'paid', event: { type: 'shop.CartPaid.v1', data: {} } }
        : { to: 'GIVEN_UP', note: 'money is back' }
    }
    if (input.kind !== 'timeout') return undefined
    if (state === 'PAYING' && attempt === 3) return { to: 'VOIDING', note: 'no answer', send: {} }
    return { to: state, resend: true, note: 'again' }
  }
}, async (_tx, emit, { subject }, { type, data }) => {
  await emit.event({ type, subject, aggregateType: 'cart', aggregateVersion: 1, data })
})

const BOOK_TABLES = 'CREATE TABLE IF NOT EXISTS book (cart TEXT PRIMARY KEY, taken {{int}} NOT NULL) {{strict}};'

/** A command of payments: changes what is taken for a cart, unless that is known to be given back, and answers. */
function booked (change: number, reply: string): MessageRoute<SqlTx> {
  return {
    kind: 'command',
    handle: async ({ subject }, tx, emit) => {
      await tx.run('INSERT INTO book (cart, taken) VALUES (?, ?) ON CONFLICT (cart) DO UPDATE SET taken = taken + ?',
        subject, change, change)
      await emit.event({ type: reply, subject, aggregateType: 'payment', aggregateVersion: 1, data: {} })
    }
  }
}

class Rig {
  readonly world: TestWorld
  readonly sagas = carts()
  shop!: Service<SqlTx>
  payments!: Service<SqlTx>

  constructor (t: Test, options: WorldOptions) {
    this.world = createWorld(options)
    t.teardown(() => { this.world.close() })
  }

  async start (): Promise<this> {
    this.shop = await this.world.service('shop', host =>
      ({ store: host.openSqlStore(SAGA_TABLES), schemas, sagas: [this.sagas] }))
    this.payments = await this.world.service('payments', host => ({ store: host.openSqlStore(BOOK_TABLES), schemas, routes: {
      'payments.TakeMoney.v1': booked(1, 'payments.MoneyTaken.v1'),
      'payments.GiveBack.v1': booked(-1, 'payments.MoneyReturned.v1')
    } }))
    return this
  }

  begin (cart: string): Promise<string> {
    return this.shop.tx((tx, emit) => this.sagas.begin(tx, emit, cart, { total: 7 }))
  }

  async taken (cart: string): Promise<number | undefined> {
    const row = await this.payments.tx(tx => tx.get<{ taken: number }>('SELECT taken FROM book WHERE cart = ?', cart))
    return row?.taken
  }
}

const rig = (t: Test, options: WorldOptions = {}): Promise<Rig> => new Rig(t, options).start()

t.test('a world', async t => {
  await t.test('a saga is seen through, and time passes only as far as is asked', async t => {
    const made = await rig(t)
    const { world } = made
    await made.begin('a')
    await world.saga('a').expect({ state: 'PAYING', attempt: 0 })
    const before = world.now
    await world.saga('a').reaches({ state: 'PAID' })
    t.ok(world.now - before < 1000)
    await world.quiet()
    t.equal(world.messages('shop.CartPaid.v1').length, 1)
    t.equal(await made.taken('a'), 1)
  })

  await t.test('a participant that is away is asked again at the saga\'s times, then the saga turns round', async t => {
    const made = await rig(t)
    const { world } = made
    await made.payments.stop()
    await made.begin('a')
    await world.after('29s')
    await world.saga('a').expect({ state: 'PAYING', attempt: 0 })
    await world.after('2s')
    await world.saga('a').expect({ state: 'PAYING', attempt: 1 })
    await world.after('4s')
    await world.saga('a').expect({ state: 'VOIDING' })
    t.equal(world.messages('payments.TakeMoney.v1').length, 4)
    await t.rejects(world.saga('a').expect({ state: 'PAID' }), { code: 'ERR_ASSERTION',
      message: /is \{"state":"VOIDING"\}, not \{"state":"PAID"\}\n.*NEW -> PAYING: checked out\n.*PAYING: again\n/ })
    await made.payments.start()
    await world.saga('a').reaches({ state: 'GIVEN_UP' })
    t.equal(await made.taken('a'), 0)
  })

  await t.test('what is lost for good is asked for again, and done once', async t => {
    const made = await rig(t)
    const { world } = made
    const found = world.lose(message => message.type === 'payments.MoneyTaken.v1')
    await made.begin('a')
    await world.after('29s')
    await world.saga('a').expect({ state: 'PAYING' })
    found()
    await world.after('3s')
    await world.saga('a').expect({ state: 'PAID' })
    t.equal(world.messages('payments.MoneyTaken.v1').length, 2)
    t.equal(await made.taken('a'), 1)
  })

  await t.test('a participant that cannot handle a command leaves a dead letter, which can be sent again', async t => {
    const world = createWorld()
    t.teardown(() => { world.close() })
    let ill = true
    const sagas = carts()
    const shop = await world.service('shop', host => ({ store: host.openSqlStore(SAGA_TABLES), schemas, sagas: [sagas] }))
    await world.participant('payments', schemas, { 'payments.TakeMoney.v1': () => {
      if (ill) throw new Poison('ill')
      return { type: 'payments.MoneyTaken.v1', data: {} }
    } })
    await shop.tx((tx, emit) => sagas.begin(tx, emit, 'a', { total: 7 }))
    await world.quiet()
    t.match(await world.deadLetters('payments'), [{ type: 'payments.TakeMoney.v1', error: /ill/ }])
    ill = false
    t.equal(await world.redrive('payments'), 1)
    await world.saga('a').reaches({ state: 'PAID' })
  })

  await t.test('deadlines go by the wall, which may be wrong', async t => {
    const made = await rig(t)
    await made.payments.stop()
    await made.begin('a')
    made.shop.setClockWrong(60_000)
    await made.world.after('1s')
    await made.world.saga('a').expect({ attempt: 1 })
  })

  await t.test('who stands still handles nothing until the time is over', async t => {
    const made = await rig(t)
    made.payments.standStill('10s')
    await made.begin('a')
    await made.world.after('9s')
    await made.world.saga('a').expect({ state: 'PAYING' })
    await made.world.saga('a').reaches({ state: 'PAID' })
  })

  await t.test('without the bus commands are taken, and go on when it is back', async t => {
    const made = await rig(t)
    const away = made.world.withoutBus('10s')
    await away
    await made.begin('a')
    await made.world.saga('a').reaches({ state: 'PAID' })
  })

  await t.test('routes are asked as over HTTP: checked, answered once per key, problems as problems', async t => {
    const world = createWorld()
    t.teardown(() => { world.close() })
    const body = { type: 'object', required: ['cart'], properties: { cart: { type: 'string' } } }
    const shop = await world.service<SqlTx>('shop', host => ({ store: host.openSqlStore(BOOK_TABLES), schemas,
      http: (app, messaging) => {
        app.post('/carts', { schema: { body } }, commandRoute(() => messaging, async (request, tx, emit) => {
          const { cart } = request.body as { cart: string }
          await tx.run('INSERT INTO book (cart, taken) VALUES (?, 0)', cart)
          return { status: 201, body: { cart, at: emit.now() } }
        }))
      } }))
    const put = (cart: unknown, key = 'k') =>
      shop.ask({ method: 'POST', path: '/carts', headers: { 'idempotency-key': key }, body: { cart } })
    const first = await put('a')
    t.match(first, { status: 201, body: { cart: 'a' } })
    await world.after('1s')
    await shop.crash('power cut')
    const again = await put('a')
    t.match(again, { status: 201, body: first.body, headers: { 'idempotency-replayed': 'true' } })
    t.match(await put(7, 'other'), { status: 400 })
    t.match(await shop.ask({ method: 'GET', path: '/nowhere' }), { status: 404 })
    await shop.stop()
    await t.rejects(put('b', 'more'), { message: /connection refused/ })
  })

  await t.test('what is mistyped or done twice is refused', async t => {
    const { world } = await rig(t)
    t.throws(() => { world.harm({ drop: 20 }) }, /drop is 20: a chance/)
    t.throws(() => { world.harm({ dropp: 0.1 } as never) }, /no harm dropp/)
    const twice = await world.service<SqlTx>('twice', host => ({ store: host.openSqlStore(BOOK_TABLES), schemas,
      http: app => { app.get('/plain', async (_request, reply) => reply.type('text/plain').send('as it is')) } }))
    await t.rejects(twice.start(), /twice runs already/)
    await t.rejects(world.service<SqlTx>('twice', host => ({ store: host.openSqlStore(BOOK_TABLES), schemas })), /a service twice/)
    t.match(await twice.ask({ method: 'GET', path: '/plain' }), { status: 200, body: {}, text: 'as it is' })
  })

  await t.test('what is asked of a saga that is not there, and of a world that cannot do it, is an error', async t => {
    const { world } = await rig(t)
    await t.rejects(world.saga('nobody').expect({}), { code: 'E_SAGA_MISSING' })
    await t.rejects(world.after('soon'), { message: /is no duration/ })
    await t.rejects(world.run(() => new Promise(() => {})), { message: /did not happen within 600000 ms/ })
  })
})

/** Carts are checked out on a rough bus while both services and the bus crash, by the seed. */
async function rough (t: Test, seed: number): Promise<{ trace: string, states: string[] }> {
  const made = await rig(t, { seed, harm: 'rough' })
  const { world } = made
  const random = createRandom(seed)
  const carts = Array.from({ length: 4 }, (_, n) => `cart-${n}`)
  for (const cart of carts) {
    await made.begin(cart)
    await world.after(random.below(2000))
    await random.pick([made.shop, made.payments]).crash(random.pick(['kill', 'power cut']))
    if (random.chance(0.3)) await world.withoutBus(random.below(5000))
  }
  await world.after('3m')
  world.harm('calm')
  await world.quiet()
  const states = []
  for (const cart of carts) {
    const { state } = await world.saga(cart).history()
    states.push(state)
    const wanted = state === 'PAID' ? 1 : state === 'GIVEN_UP' ? 0 : undefined
    t.equal(await made.taken(cart), wanted, `${cart} of seed ${seed} is ${state}`)
  }
  return { trace: world.trace, states }
}

t.test('a rough world', async t => {
  const seen = new Set<string>()
  for (let seed = 1; seed <= 8; seed++) {
    const { trace, states } = await rough(t, seed)
    seen.add(trace)
    t.notMatch(states, ['PAYING'], 'nobody is left behind')
  }
  t.equal(seen.size, 8, 'each seed is another run')
  t.same((await rough(t, 7)).trace, (await rough(t, 7)).trace, 'and the same one each time')
})
