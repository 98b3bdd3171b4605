/** A saga for tests: seats are held, or given up after two repetitions, or released when nobody wants them any more. */
import {
  SAGA_TABLES, Sagas, type Envelope, type SagaDefinition, type SagaInput, type SagaStep, type SagaView
} from '../index.ts'
import { anyData, rig, type RigParts } from './rig.ts'

export interface Booking { readonly seats: number }

const SCHEMAS = anyData('seats.Hold.v1', 'seats.Held.v1', 'seats.Release.v1', 'seats.Released.v1', 'shop.Booked.v1')
export const DEADLINE_MS = 10_000

/** HOLDING -> DONE; asked again twice, then RELEASING -> FAILED. */
export function booking (changes: Partial<SagaDefinition<Booking>> = {}): SagaDefinition<Booking> {
  return {
    type: 'Booking',
    states: {
      HOLDING: { sends: 'seats.Hold.v1', replies: ['seats.Held.v1'], deadlineMs: DEADLINE_MS },
      RELEASING: { sends: 'seats.Release.v1', replies: ['seats.Released.v1'], deadlineMs: DEADLINE_MS },
      DONE: { ends: true },
      FAILED: { ends: true }
    },
    cancelReasons: ['CHANGED_MIND'],
    decide,
    ...changes
  }
}

export function decide (
  { state, attempt, data, cancelReason }: SagaView<Booking>, input: SagaInput
): SagaStep<Booking> | undefined {
  if (input.kind === 'start') return { to: 'HOLDING', note: 'asked', send: { seats: data.seats } }
  if (input.kind === 'timeout') {
    return state === 'HOLDING' && attempt === 2
      ? { to: 'RELEASING', note: 'given up', send: {} }
      : { to: state, note: 'again', resend: true }
  }
  if (input.kind === 'cancel') return state === 'HOLDING' ? { to: state, note: 'noted', cancelReason: input.reason } : undefined
  if (state === 'RELEASING') return { to: 'FAILED', note: 'released' }
  return cancelReason === undefined
    ? { to: 'DONE', note: 'held', event: { type: 'shop.Booked.v1', data: {} } }
    : { to: 'RELEASING', note: 'held, but not wanted any more', send: {} }
}

export const sagasOf = (definition = booking()) => new Sagas(definition, async (_tx, emit, saga, event) => {
  await emit.event({ ...event, subject: saga.subject, aggregateType: 'booking', aggregateVersion: 1 })
})

/** Started, with what tests of sagas ask all the time. */
export async function start (t: Parameters<typeof rig>[0], sagas = [sagasOf()], parts: RigParts = {}) {
  const made = await rig(t, { schemas: SCHEMAS, tables: SAGA_TABLES, sagas, ...parts })
  await made.messaging.start()
  const begin = (subject: string, which = 0) =>
    made.messaging.tx((tx, emit) => sagas[which]!.begin(tx, emit, subject, { seats: 2 }))
  const book = made.messaging.sagas!
  const stateOf = async (id: string) => (await book.find(id)).state
  const notes = async (id: string) => (await book.find(id)).log.map(line => line.note)
  return { ...made, begin, book, stateOf, notes }
}

/** The last command that asked for seats. */
export const hold = (bus: { of (type: string): Envelope[] }) => bus.of('seats.Hold.v1').at(-1)!
