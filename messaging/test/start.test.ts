/** What a service's start refuses: each with its code, its place and the next step. */
import { t } from 'tap'
import { DEFAULTS, SAGA_TABLES, Sagas, type MessageRoute, type SagaDefinition, type SqlTx } from '../index.ts'
import { anyData, rig, type RigParts } from './rig.ts'

const event: MessageRoute<SqlTx> = { kind: 'event', handle: async () => {} }
const command: MessageRoute<SqlTx> = { kind: 'command', handle: async () => {} }
const SCHEMAS = anyData('users.Left.v1', 'shop.Close.v1', 'seats.Hold.v1', 'seats.Held.v1')

type States = SagaDefinition<object>['states']

const HOLDING = { sends: 'seats.Hold.v1', replies: ['seats.Held.v1'], deadlineMs: 1000 }
const STATES: States = { HOLDING, DONE: { ends: true } }

function saga (states: States = STATES, type = 'Booking'): Sagas<object> {
  return new Sagas({ type, states, decide: () => undefined })
}

const REFUSED: ReadonlyArray<[what: string, parts: RigParts, error: { code: string, message: RegExp }]> = [
  ['an event that is not subscribed to', { routes: { 'users.Left.v1': event } },
    { code: 'E_ROUTE_UNFED', message: /nothing brings users\.Left\.v1 to the service shop\. Subscribe to it/ }],
  ['an own event that is not subscribed to', { routes: { 'shop.Close.v1': event } },
    { code: 'E_ROUTE_UNFED', message: /shop\.Close\.v1/ }],
  ['a command of another service', { routes: { 'seats.Hold.v1': command } },
    { code: 'E_ROUTE_UNFED', message: /seats\.Hold\.v1 .* the service that its type begins with/ }],
  ['a subscription without a route', { subscribe: [{ service: 'users', types: ['users.Left.v1'] }] },
    { code: 'E_SUBSCRIPTION_UNHANDLED', message: /no route handles users\.Left\.v1/ }],
  ['a route without a schema', { routes: { 'shop.Open.v1': command } },
    { code: 'E_SCHEMA_MISSING', message: /shop\.Open\.v1/ }],
  ['a reply without a schema', { sagas: [saga({ ...STATES, HOLDING: { ...HOLDING, replies: ['seats.Gone.v1'] } })] },
    { code: 'E_SCHEMA_MISSING', message: /seats\.Gone\.v1/ }],
  ['a saga\'s command without a schema', { sagas: [saga({ ...STATES, HOLDING: { ...HOLDING, sends: 'seats.Take.v1' } })] },
    { code: 'E_SCHEMA_MISSING', message: /seats\.Take\.v1/ }],
  ['a schema that takes no newer sender\'s fields', { routes: { 'shop.Open.v1': command },
    schemas: [{ $id: 'shop.Open.v1', type: 'object', properties: { of: { type: 'object', additionalProperties: false } } }] },
  { code: 'E_SCHEMA_CLOSED', message: /shop\.Open\.v1/ }],
  ['a reply that has a route, too', { sagas: [saga()], routes: { 'seats.Held.v1': event },
    subscribe: [{ service: 'seats', types: ['seats.Held.v1'] }] },
  { code: 'E_ROUTE_TWICE', message: /seats\.Held\.v1/ }],
  ['a name that some bus takes as none', { options: { ...DEFAULTS, prefix: 'eu#1' } },
    { code: 'E_BUS_NAME', message: /eu#1-shop-in\.fifo/ }],
  ['two sagas of one type', { sagas: [saga(), saga()] }, { code: 'E_SAGA_TWICE', message: /Booking/ }],
  ['a state without a way on', { sagas: [saga({ ...STATES, LOST: {} as never })] },
    { code: 'E_SAGA_STATES', message: /saga Booking: LOST has neither an end nor a deadline/ }],
  ['a command whose reply nobody hears', { sagas: [saga({ ...STATES, HOLDING: { ...HOLDING, replies: [] } })] },
    { code: 'E_SAGA_STATES', message: /HOLDING sends seats\.Hold\.v1 and waits for no reply/ }],
  ['a saga that never ends', { sagas: [saga({ HOLDING })] }, { code: 'E_SAGA_STATES', message: /no state ends it/ }],
  ['a saga that names its beginning', { sagas: [saga({ ...STATES, NEW: { ends: true } })] },
    { code: 'E_SAGA_STATES', message: /NEW/ }],
  ...[Number.NaN, -5, 0, Infinity, 2 ** 53].map(deadlineMs =>
    [`a deadline of ${deadlineMs}`, { sagas: [saga({ ...STATES, HOLDING: { ...HOLDING, deadlineMs } })] },
      { code: 'E_SAGA_STATES', message: /HOLDING has a deadline of .* at attempt 0/ }] as [string, RigParts, { code: string, message: RegExp }]),
  ['waits that grow without end', { sagas: [saga({ ...STATES, HOLDING: { ...HOLDING, deadlineMs: n => 1000 * 2 ** n } })] },
    { code: 'E_SAGA_STATES', message: /HOLDING has a deadline of .* at attempt \d\d;/ }]
]

for (const [what, parts, error] of REFUSED) {
  t.test(`${what} is refused`, async t => {
    const { messaging, clock } = await rig(t, { schemas: SCHEMAS, tables: SAGA_TABLES, ...parts })
    await t.rejects(messaging.start(), error)
    t.equal(clock.timers, 0, 'and nothing was left running')
  })
}

t.test('a store without the tables of sagas is named at the start', async t => {
  const { messaging } = await rig(t, { schemas: SCHEMAS, sagas: [saga()] })
  await t.rejects(messaging.start(), { code: 'E_STORE_TABLE', message: /no such table: saga/, next: /SAGA_TABLES/ })
})

t.test('what is whole is not refused', async t => {
  const { messaging, bus } = await rig(t, { schemas: SCHEMAS, tables: SAGA_TABLES, sagas: [saga(), saga(STATES, 'Other')],
    routes: { 'users.Left.v1': event, 'shop.Close.v1': command }, subscribe: [{ service: 'users', types: ['users.Left.v1'] }] })
  await messaging.start()
  t.same(bus.subscriptions, [{ topic: 'breakwater-users-events.fifo', types: ['users.Left.v1'] },
    { topic: 'breakwater-seats-events.fifo', types: ['seats.Held.v1'] }])
})
