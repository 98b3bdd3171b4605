/** Stock and reservations: each state with each command, the limits, and any order of commands. */
import fc from 'fast-check'
import { t } from 'tap'
import { Poison } from '../../../messaging/index.ts'
import {
  available, commit, count, MAX_STOCK, release, reserve, type Line, type Outcome, type Reservation, type Stock
} from '../domain/stock.ts'

const fresh = { orderId: 'o', reservationId: 'new' }
const lines: Line[] = [{ sku: 'apple', qty: 2 }, { sku: 'pear', qty: 1 }]
const known = { orderId: 'o', reservationId: 'old', version: 1 }
const STATES: Record<string, Reservation | undefined> = {
  NONE: undefined,
  RESERVED: { ...known, state: 'RESERVED', lines },
  UNKNOWN: { ...known, state: 'REJECTED', lines: [], rejection: { reason: 'UNKNOWN_SKU' } },
  SHORT: { ...known, state: 'REJECTED', lines: [], rejection: { reason: 'OUT_OF_STOCK',
    shortages: [{ sku: 'apple', wanted: 2, available: 1 }] } },
  // As it was kept before rejections were.
  OLD: { ...known, state: 'REJECTED', lines: [] },
  RELEASED: { ...known, state: 'RELEASED', lines },
  COMMITTED: { ...known, state: 'COMMITTED', lines }
}

function shelves (...stocks: Array<[string, number, number?]>): Map<string, Stock> {
  return new Map(stocks.map(([sku, onHand, reserved = 0]) => [sku, { sku, onHand, reserved }]))
}

/** What came of it, in a line. */
function told ({ reservation, stocks, answer }: Outcome): string {
  const { orderId: _order, ...data } = answer.data
  const changed = stocks.map(stock => `${stock.sku} ${stock.onHand}/${stock.reserved}`).join(', ')
  return `${reservation.state} v${reservation.version}; ${answer.type.split('.')[1]} ${JSON.stringify(data)}; ${changed}`
}

t.test('each state with each command', async t => {
  const stocks = shelves(['apple', 5, 2], ['pear', 5, 1])
  const shortages = '"shortages":[{"sku":"apple","wanted":2,"available":1}]'
  const expected: Record<string, [reserved: string, released: string | RegExp, committed: string | RegExp]> = {
    NONE: ['RESERVED v1; StockReserved {"reservationId":"new"}; apple 5/4, pear 5/2', 'RELEASED v1; StockReleased {"released":false}; ', /nothing is reserved for order o \(never was\)/],
    RESERVED: ['RESERVED v1; StockReserved {"reservationId":"old"}; ', 'RELEASED v2; StockReleased {"released":true}; apple 5/0, pear 5/0', 'COMMITTED v2; StockCommitted {}; apple 3/0, pear 4/0'],
    UNKNOWN: ['REJECTED v1; StockRejected {"reason":"UNKNOWN_SKU"}; ', 'RELEASED v2; StockReleased {"released":false}; ', /\(REJECTED\)/],
    SHORT: [`REJECTED v1; StockRejected {"reason":"OUT_OF_STOCK",${shortages}}; `, 'RELEASED v2; StockReleased {"released":false}; ', /\(REJECTED\)/],
    OLD: ['REJECTED v1; StockRejected {"reason":"OUT_OF_STOCK"}; ', 'RELEASED v2; StockReleased {"released":false}; ', /\(REJECTED\)/],
    RELEASED: ['RELEASED v1; StockRejected {"reason":"RELEASED"}; ', 'RELEASED v2; StockReleased {"released":false}; ', /\(RELEASED\)/],
    COMMITTED: ['COMMITTED v1; StockReserved {"reservationId":"old"}; ', /the stock of order o is committed/, 'COMMITTED v1; StockCommitted {}; ']
  }
  t.same(Object.keys(expected), Object.keys(STATES))
  for (const [state, outcomes] of Object.entries(expected)) {
    const commands = [() => reserve(STATES[state], fresh, lines, stocks), () => release(STATES[state], fresh, stocks),
      () => commit('o', STATES[state], stocks)]
    for (const [n, outcome] of outcomes.entries()) {
      const name = `${state} and ${['reserve', 'release', 'commit'][n]}`
      // What no saga asks for is for a person: a dead letter at once, with the reason.
      if (outcome instanceof RegExp) t.throws(commands[n]!, { constructor: Poison, message: outcome }, name)
      else t.equal(told(commands[n]!()), outcome, name)
    }
  }
})

t.test('all lines or none; unknown before short; up to the last piece', async t => {
  const ask = (wanted: Line[], ...stocks: Array<[string, number, number?]>) =>
    told(reserve(undefined, fresh, wanted, shelves(...stocks)))
  t.match(ask(lines, ['apple', 4, 2], ['pear', 1]), /^RESERVED .*; apple 4\/4, pear 1\/1$/)
  t.equal(ask(lines, ['apple', 3, 2], ['pear', 0]), 'REJECTED v1; StockRejected {"reason":"OUT_OF_STOCK","shortages":' +
    '[{"sku":"apple","wanted":2,"available":1},{"sku":"pear","wanted":1,"available":0}]}; ')
  t.equal(ask(lines, ['apple', 0]), 'REJECTED v1; StockRejected {"reason":"UNKNOWN_SKU"}; ')
})

t.test('an article in two lines is wanted twice', async t => {
  const twice = [{ sku: 'apple', qty: 2 }, { sku: 'apple', qty: 3 }]
  t.match(told(reserve(undefined, fresh, twice, shelves(['apple', 4]))), /OUT_OF_STOCK.*"wanted":5,"available":4/)
  const reserved = reserve(undefined, fresh, twice, shelves(['apple', 5]))
  t.match(told(reserved), /^RESERVED .*; apple 5\/5$/)
  const held = new Map(reserved.stocks.map(stock => [stock.sku, stock]))
  t.match(told(release(reserved.reservation, fresh, held)), /apple 5\/0$/)
  t.match(told(commit('o', reserved.reservation, held)), /apple 0\/0$/)
})

t.test('counting: at most a billion, never below what is promised', async t => {
  const stock = { sku: 'apple', onHand: MAX_STOCK - 5, reserved: 3 }
  t.equal(count(stock, { add: 5 }).onHand, MAX_STOCK)
  t.throws(() => count(stock, { add: 6 }), { code: 'STOCK_LIMIT', statusCode: 422 })
  t.equal(count(stock, { onHand: 3 }).onHand, 3)
  t.equal(count({ ...stock, reserved: 0 }, { onHand: 0 }).onHand, 0)
  t.throws(() => count(stock, { onHand: 2 }), { code: 'STOCK_RESERVED', statusCode: 409 })
})

/** Shelves and orders in memory, and what they may never show. */
class Warehouse {
  readonly stocks = shelves(['apple', 6], ['pear', 6])
  readonly orders = new Map<string, Reservation>()
  readonly #came = new Map([['apple', 6], ['pear', 6]])

  add ({ sku, qty }: Line): void {
    const stock = this.stocks.get(sku)
    if (stock === undefined) return
    this.stocks.set(sku, count(stock, { add: qty }))
    this.#came.set(sku, this.#came.get(sku)! + qty)
  }

  keep ({ reservation, stocks }: Outcome): void {
    this.orders.set(reservation.orderId, reservation)
    for (const stock of stocks) this.stocks.set(stock.sku, stock)
  }

  check (): void {
    for (const [sku, stock] of this.stocks) {
      const right = available(stock) >= 0 && stock.reserved === this.#sum('RESERVED', sku) &&
        stock.onHand === this.#came.get(sku)! - this.#sum('COMMITTED', sku)
      if (!right) throw new Error(`wrong: ${JSON.stringify(stock)}`)
    }
  }

  #sum (state: string, sku: string): number {
    return [...this.orders.values()].filter(one => one.state === state).flatMap(one => one.lines)
      .filter(line => line.sku === sku).reduce((total, { qty }) => total + qty, 0)
  }
}

interface Command { orderId: string, what: string, wanted: Line[] }

const line = fc.record({ sku: fc.constantFrom('apple', 'apple', 'pear', 'pear', 'nowhere'), qty: fc.integer({ min: 1, max: 4 }) })
const command: fc.Arbitrary<Command> = fc.record({ orderId: fc.constantFrom('1', '2', '3', '4'),
  what: fc.constantFrom('reserve', 'reserve', 'release', 'commit', 'add'),
  wanted: fc.array(line, { minLength: 1, maxLength: 3 }) })

/** Gives a command; returns what it met. */
function give (warehouse: Warehouse, { orderId, what, wanted }: Command): string {
  const { orders, stocks } = warehouse
  const reservation = orders.get(orderId)
  const ids = { orderId, reservationId: 'r' }
  try {
    if (what === 'add') warehouse.add(wanted[0]!)
    if (what === 'reserve') warehouse.keep(reserve(reservation, ids, wanted, stocks))
    if (what === 'release') warehouse.keep(release(reservation, ids, stocks))
    if (what === 'commit') warehouse.keep(commit(orderId, reservation, stocks))
  } catch (error) {
    if (!(error instanceof Poison)) throw error
  }
  return `${reservation?.state ?? 'NONE'} ${what}`
}

t.test('whatever comes in whatever order, what is promised is there', async t => {
  const seed = Number(process.env['SEED'] ?? Math.trunc(Math.random() * 2 ** 31))
  t.comment(`SEED=${seed}`)
  const visits = new Map<string, number>()
  fc.assert(fc.property(fc.array(command, { minLength: 10, maxLength: 40 }), commands => {
    const warehouse = new Warehouse()
    for (const one of commands) {
      const edge = give(warehouse, one)
      visits.set(edge, (visits.get(edge) ?? 0) + 1)
      warehouse.check()
    }
  }), { numRuns: 2000, seed })
  for (const state of ['NONE', 'RESERVED', 'REJECTED', 'RELEASED', 'COMMITTED']) {
    for (const what of ['reserve', 'release', 'commit']) {
      t.ok((visits.get(`${state} ${what}`) ?? 0) >= 100, `${state} ${what} was met`)
    }
  }
})
