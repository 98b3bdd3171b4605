/** Faults that show when processes, stores, bus and network misbehave: the simulation's to find. */
import type { Mutant } from '../mutant.ts'

const SEEN_BY = ['node lab/simulation/main.ts --seeds 200 --quiet --no-shrink']

/** `also`: who sees what two hundred runs may miss. */
type Seed = Omit<Mutant, 'package' | 'seenBy'> & { readonly also?: readonly string[] }

const MESSAGING: readonly Seed[] = [
  {
    id: 'deadline-fraction',
    breaks: 'the deadline of a saga is a whole number, and can be stored',
    file: 'messaging/saga/states.ts',
    from: 'const ms = Math.round(typeof',
    to: 'const ms = (typeof'
  },
  {
    id: 'any-reply',
    breaks: 'only the reply to the running command takes a saga further',
    file: 'messaging/saga/sagas.ts',
    from: '(state.sends === undefined || message.causationid === row.command_id)',
    to: 'message.causationid !== \'\'',
    also: ['messaging/test/saga.test.ts']
  },
  {
    id: 'resend-same-dedupe',
    breaks: 'a command that is sent again passes a bus that remembers the first sending',
    file: 'messaging/emitter.ts',
    from: '`${envelope.id}:${mark}`)),',
    to: 'mark === \'\' ? mark : envelope.id)),'
  },
  {
    id: 'handled-again',
    breaks: 'what the inbox knows is not handled again',
    file: 'messaging/intake.ts',
    from: 'if (!claim.fresh) {',
    to: 'if (!claim.fresh && tries < 0) {'
  },
  {
    id: 'no-second-answer',
    breaks: 'a command that comes again is answered again',
    file: 'messaging/intake.ts',
    from: 'await tx.inbox.keepReplies(service, message.id, said.entries)',
    to: 'said.entries.splice(0)'
  },
  {
    id: 'second-answer-swallowed',
    breaks: 'the second answer passes a bus that remembers the first one',
    file: 'messaging/intake.ts',
    from: 'dedupe: `${reply.id}:r${emit.id()}`',
    to: 'dedupe: reply.id'
  },
  {
    id: 'unflushed-told',
    breaks: 'nobody is told of a commit that is not flushed',
    file: 'messaging/store/sqlite.ts',
    from: '    await this.#flush?.flush()\n',
    to: '    this.#flush?.flush().catch(() => {})\n'
  },
  {
    id: 'unflushed-read',
    breaks: 'nobody is told what was read of a commit that is not flushed',
    file: 'messaging/store/sqlite.ts',
    from: '    await flush?.pending\n',
    to: ''
  },
  {
    id: 'flush-forgiven',
    breaks: 'after a flush that failed a store takes and tells nothing',
    file: 'messaging/store/wal-flush.ts',
    from: 'if (this.#failure !== undefined) throw this.#failure',
    to: '',
    also: ['messaging/test/store-sqlite.test.ts']
  },
  {
    id: 'never-free-again',
    breaks: 'a message whose consumer has vanished is given to another one',
    file: 'messaging/bus/embedded/lanes.ts',
    from: 'lane = this.#busy.due(now)) this.#release(lane)',
    to: 'lane = this.#busy.due(now)) this.#busy.put(lane, Infinity)'
  },
  {
    id: 'waiting-is-failing',
    breaks: 'a message whose surroundings are down is no dead letter',
    file: 'messaging/bus/handling.ts',
    from: 'if (isTransient(error)) return',
    to: 'if (isTransient(error) && tries > 9) return',
    also: ['messaging/test/bus-embedded.test.ts']
  },
  {
    id: 'projection-over-a-hole',
    breaks: 'a read model is filled from its source before it goes on behind a hole',
    file: 'messaging/projection/applying.ts',
    from: 'if (event.version > version + 1) throw',
    to: 'if (event.version > version + 9) throw',
    also: ['messaging/test/projection.test.ts']
  },
  {
    id: 'answer-not-kept',
    breaks: 'a request that is repeated under its key has one effect',
    file: 'messaging/idempotency.ts',
    from: 'if (stored !== undefined) return',
    to: 'if (stored !== undefined && stored.status === 0) return'
  }
]

const SAMPLES: readonly Seed[] = [
  {
    id: 'captured-twice',
    breaks: 'a payment that was captured is not captured again',
    file: 'sample-services/payments/domain/payment.ts',
    from: 'if (payment !== undefined) return { payment, answer: captureAnswer(payment) }',
    to: 'if (payment !== undefined && payment.state === \'DECLINED\') return { payment, answer: captureAnswer(payment) }'
  },
  {
    id: 'no-void-tombstone',
    breaks: 'a capture that comes behind its cancellation is refused',
    file: 'sample-services/payments/domain/payment.ts',
    from: 'if (payment !== undefined) return { payment, answer',
    to: 'if (payment !== undefined && payment.version > 1) return { payment, answer'
  },
  {
    id: 'no-refund',
    breaks: 'a cancelled payment gives the money back',
    file: 'sample-services/payments/domain/payment.ts',
    from: '    transfer: { from: merchantAccount(known.currency), to: userAccount(known.userId), amount: known.amount },\n',
    to: ''
  },
  {
    id: 'no-release-tombstone',
    breaks: 'a reservation that comes behind its release is refused',
    file: 'sample-services/inventory/domain/stock.ts',
    from: 'if (reservation !== undefined) return repeat(reservation)',
    to: 'if (reservation !== undefined && reservation.state !== \'RELEASED\') return repeat(reservation)',
    also: ['sample-services/inventory/test/stock.test.ts']
  },
  {
    id: 'promised-twice',
    breaks: 'no more is reserved than is there',
    file: 'sample-services/inventory/domain/stock.ts',
    from: 'return left < qty ?',
    to: 'return left < 0 ?'
  },
  {
    id: 'undone-behind-the-pivot',
    breaks: 'behind the capture an order only goes forward',
    file: 'sample-services/orders/domain/place-order-saga.ts',
    from: 'if (!forward || saga.attempt < MAX_RESENDS)',
    to: 'if (saga.attempt < MAX_RESENDS)'
  },
  {
    id: 'cancelled-and-paid',
    breaks: 'an order that was cancelled while its stock was reserved is not paid',
    file: 'sample-services/orders/domain/place-order-saga.ts',
    from: 'return saga.cancelReason === undefined ? pay(saga)',
    to: 'return saga.cancelReason !== \'\' ? pay(saga)'
  },
  {
    id: 'cancelled-unvoided',
    breaks: 'a payment whose outcome is unknown is cancelled before its order is',
    file: 'sample-services/orders/domain/place-order-saga.ts',
    from: '? cancelPayment(saga, \'TIMEOUT\', \'no reply from payments\')',
    to: '? release(saga, \'TIMEOUT\', \'no reply from payments\')'
  }
]

export const SIMULATION: readonly Mutant[] = [
  ...MESSAGING.map(seed => mutantOf('messaging', seed)),
  ...SAMPLES.map(seed => mutantOf('samples', seed))
]

/** The tests first: they are quicker. */
function mutantOf (name: Mutant['package'], { also = [], ...seed }: Seed): Mutant {
  return { ...seed, package: name, seenBy: [...also, ...SEEN_BY] }
}
