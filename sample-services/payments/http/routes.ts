/** Payments over HTTP: deposit, balance, the payments of an order. */
import { commandRoute, type Command, type Messaging, type SqlReader, type SqlTx } from '@breakwater/messaging'
import type { FastifyInstance } from 'fastify'
import { payIn } from '../domain/payment.ts'
import { paymentError } from '../errors.ts'
import { amount, currency, depositAmount, refusal, uuid } from '../shapes.ts'
import { audit, findAccount, findPayment, move, openAccount, paidIn } from '../store/ledger.ts'

const balance = amount
const params = { type: 'object', required: ['userId'], properties: { userId: uuid } } as const
const DEPOSIT = {
  summary: 'Pay money in; the first deposit opens the account',
  params,
  body: {
    type: 'object', required: ['amount', 'currency'], additionalProperties: false,
    properties: { amount: depositAmount, currency }
  },
  response: { 201: { type: 'object', properties: { entryId: uuid, balance } } }
} as const
const READ = {
  summary: 'Read an account',
  params,
  response: { 200: { type: 'object', properties: { balance, currency, frozen: { type: 'boolean' } } } }
} as const
const PAYMENT = {
  type: 'object',
  properties: { orderId: uuid, paymentId: uuid, userId: { type: 'string' }, state: { type: 'string' },
    amount, currency: { type: 'string' }, version: { type: 'integer' }, reason: refusal }
} as const
const LIST = {
  summary: 'What was paid for an order',
  querystring: { type: 'object', required: ['orderId'], properties: { orderId: uuid } },
  response: { 200: { type: 'object', properties: { items: { type: 'array', items: PAYMENT } } } }
} as const

export function paymentRoutes (app: FastifyInstance, messaging: Messaging<SqlTx>, reader: SqlReader): void {
  app.post('/accounts/:userId/deposits', { schema: DEPOSIT }, commandRoute(() => messaging, deposit))
  app.get<{ Params: { userId: string } }>('/accounts/:userId', { schema: READ }, async request => {
    const account = await findAccount(reader, request.params.userId)
    if (account === undefined) throw paymentError('ACCOUNT_NOT_FOUND', [request.params.userId])
    return account
  })
  app.get<{ Querystring: { orderId: string } }>('/payments', { schema: LIST }, async request => {
    const payment = await findPayment(reader, request.query.orderId)
    return { items: payment === undefined ? [] : [payment] }
  })
  app.get('/internal/audit', { schema: { hide: true } }, async () => audit(reader))
}

const deposit: Command<SqlTx> = async (request, tx, emit) => {
  const { userId } = request.params as { userId: string }
  const body = request.body as { amount: number, currency: string }
  const known = await findAccount(tx, userId)
  const transfer = payIn(userId, body, known, await paidIn(tx, userId))
  for (const account of [transfer.from, transfer.to]) await openAccount(tx, account, body.currency)
  const entryId = emit.id()
  await move(tx, entryId, transfer, emit.now())
  return { status: 201, body: { entryId, balance: (known?.balance ?? 0) + body.amount } }
}
