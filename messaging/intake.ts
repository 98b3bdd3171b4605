/**
 * A message's way in: is it known, is it well formed, who handles it, was it handled before, and then the handler, all
 * of it in the handler's transaction but what must be fetched from elsewhere.
 */
import type { Delivery } from './bus/bus.ts'
import type { Emitter, EmitterContext, Said } from './emitter.ts'
import { contentOf, type Envelope } from './envelope.ts'
import { messagingError, Newer, Poison } from './errors.ts'
import type { Faults } from './faults.ts'
import type { Holding } from './holding.ts'
import type { MessageRoute } from './parts.ts'
import type { Schemas } from './schemas.ts'
import type { Tx } from './store/store.ts'
import type { MessageTrace } from './trace.ts'

export interface IntakeParts<T extends Tx> {
  readonly service: string
  readonly routes: ReadonlyMap<string, MessageRoute<T>>
  readonly schemas: Schemas
  readonly trace: MessageTrace
  readonly faults: Faults
  readonly holding: Holding
  /** The newest message that the inbox has forgotten, by its own clock; 0 when none. */
  readonly forgottenMs: () => number
  readonly write: (context: EmitterContext, fn: (tx: T, emit: Emitter, said: Said) => Promise<void>) => Promise<void>
}

export class Intake<T extends Tx> {
  readonly #parts: IntakeParts<T>

  constructor (parts: IntakeParts<T>) {
    this.#parts = parts
  }

  /** Rejects with what decides about the message, as every handler does (see `bus/handling.ts`). */
  async handle (delivery: Delivery): Promise<void> {
    try {
      await this.#handle(delivery)
    } catch (error) {
      throw error instanceof Newer ? this.#parts.holding.judge(delivery.envelope, error.message) : error
    }
  }

  async #handle (delivery: Delivery): Promise<void> {
    const { schemas, service, routes, trace, faults } = this.#parts
    const message = delivery.envelope
    schemas.check(message)
    const route = routes.get(message.type)
    if (route === undefined) throw new Newer('no route')
    const { traceparent, run } = trace.handle(message, service, delivery.tries)
    await run(async () => {
      const prepared = await route.prepare?.(message)
      await this.#once(message, route, prepared, traceparent)
    })
    route.committed?.(message)
    faults.at('beforeAck')
  }

  /** New to an inbox that has forgotten messages as old as this one, it may be one of those. */
  #checkAge ({ type, time }: Envelope): void {
    const forgottenMs = this.#parts.forgottenMs()
    if (forgottenMs === 0 || Date.parse(time) > forgottenMs) return
    const upTo = new Date(forgottenMs).toISOString()
    throw new Poison(messagingError('E_MESSAGE_TOO_OLD', [type, time, upTo]).toString())
  }

  #once (
    message: Envelope, route: MessageRoute<T>, prepared: unknown, traceparent: string | undefined
  ): Promise<void> {
    const { service, write } = this.#parts
    const context = { traceparent, correlationId: message.correlationid, causationId: message.id }
    return write(context, async (tx, emit, said) => {
      const content = contentOf(message)
      const claim = await tx.inbox.claim(service, message.id, { sentMs: Date.parse(message.time), content })
      if (!claim.fresh) {
        if ((claim.content ?? content) !== content) throw reused(message)
        // A dedupe id of its own: the bus may still remember the first sending and would swallow this one.
        return tx.outbox.append(claim.replies.map(reply => ({ ...reply, dedupe: `${reply.id}:r${emit.id()}` })))
      }
      this.#checkAge(message)
      await route.handle(message, tx, emit, prepared)
      if (route.kind === 'command' && said.entries.length > 0) {
        await tx.inbox.keepReplies(service, message.id, said.entries)
      }
    })
  }
}

/** Two messages under one id: which of them was meant, only a person can tell. */
function reused ({ id, type }: Envelope): Poison {
  return new Poison(messagingError('E_MESSAGE_ID_USED', [type, id]).toString())
}
