/** What the runs have met, so that a series that meets nothing is not taken for one that finds nothing. */
import { ACTIONS } from './actions.ts'
import { FAULTS } from './faults/faults.ts'
import type { Look } from './look.ts'
import { missingOf } from './required.ts'
import type { Stage } from './stage.ts'

export type Counts = ReadonlyMap<string, number>

/** Adds up what one run has met, once it is over. */
export function tally (stage: Stage, look: Look): void {
  const { deliveries, network, log } = stage.world
  const steps = look.rows<{ from: string, to: string, note: string }>('orders',
    'SELECT from_state AS "from", to_state AS "to", note FROM saga_log')
  for (const { from, to, note } of steps) stage.count(from === to ? `saga: ${to}, ${note}` : `saga: ${from} -> ${to}`)
  for (const { state } of look.rows<{ state: string }>('payments', 'SELECT state FROM payments')) stage.count(`payment: ${state}`)
  for (const [name, n] of Object.entries({ ...deliveries.done, ...network.done })) stage.count(`on the way: ${name}`, n)
  for (const { level, text, fields } of log) {
    if (level === 'info') continue
    stage.count(`log: ${text}`)
    const code = /E_[A-Z_]+/.exec(JSON.stringify(fields))?.[0]
    if (code !== undefined) stage.count(`told: ${code}`)
  }
}

/** In so many runs each of these is met at least so often: about a third of what is usual. */
const RUNS = 500
const REQUIRED: Readonly<Record<string, number>> = {
  'saga: NEW -> RESERVING': 800,
  'saga: RESERVING -> PAYING': 500,
  'saga: RESERVING -> ABORTED': 150,
  'saga: RESERVING -> RELEASING': 80,
  'saga: PAYING -> COMMITTING': 400,
  'saga: PAYING -> RELEASING': 50,
  'saga: PAYING -> VOIDING': 70,
  'saga: COMMITTING -> DONE': 400,
  'saga: VOIDING -> RELEASING': 70,
  'saga: RELEASING -> ABORTED': 200,
  'saga: RESERVING, no reply, sent again': 300,
  'saga: PAYING, no reply, sent again': 200,
  'saga: COMMITTING, no reply, sent again': 40,
  'saga: VOIDING, no reply, sent again': 80,
  'saga: RELEASING, no reply, sent again': 120,
  'saga: RESERVING, to be cancelled at the reply': 25,
  'saga: VOIDING, ignored payments.PaymentCaptured.v1': 50,
  'payment: REFUNDED': 60,
  'payment: VOIDED': 10,
  'payment: DECLINED': 50,
  'crash: between two events': 120,
  'crash: in a transaction': 10,
  'crash: between commit and flush': 50,
  'crash: afterCommit': 4,
  'crash: beforeAck': 12,
  'crash: midBatch': 5,
  'crash: beforeRelayMark': 8,
  'commits torn by a power cut': 20,
  'on the way: dropped': 150,
  'on the way: duplicated': 250,
  'on the way: reordered': 120,
  'on the way: lost': 150,
  'on the way: twice': 200,
  'messages of the past': 150,
  'dead letters sent again': 10,
  'answers replayed': 12,
  'gaps of the read model filled': 10,
  'log: messages are left to a newer version of this service': 10,
  'told: E_STORE_BUSY': 3,
  'told: E_STORE_FULL': 10,
  'told: E_STORE_READ_ONLY': 20,
  'told: E_STORE_FLUSH': 10,
  'told: E_BUS_DOWN': 50,
  'read: 200': 80,
  'read: 504': 10
}
/** And each kind of step. */
const PER_KIND = 15

/** What was met too seldom, in a series that is long enough to ask. */
export function missing (counts: Counts, runs: number): string[] {
  const kinds = Object.keys({ ...ACTIONS, ...FAULTS })
  return missingOf({ runs: RUNS, counts: REQUIRED, kinds, perKind: PER_KIND }, counts, runs)
}
