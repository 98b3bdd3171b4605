/**
 * What a handler and a command use to say something to the world, inside their transaction; and where they get time
 * and ids from, so that a run of them can be repeated.
 */
import type { Span } from '@breakwater/starter'
import { seal, serviceOf, type Draft, type Envelope, type NewId } from './envelope.ts'
import { messagingError } from './errors.ts'
import { queueOf, topicOf } from './options.ts'
import { toWireText, type Schemas } from './schemas.ts'
import type { OutboxEntry, Tx } from './store/store.ts'
import type { MessageTrace } from './trace.ts'

/** A transaction in which something could not be said is undone, whoever caught the error. */
export interface Emitter {
  /** Publishes an event to whoever subscribed. */
  event (draft: Draft): Promise<Envelope>
  /** Sends a command to the service that its type begins with. */
  command (draft: Draft): Promise<Envelope>
  /**
   * Sends a command again, as the same message: the receiver's inbox knows its id. `mark` tells this sending from the
   * earlier ones: a bus may remember those, and would swallow this one.
   */
  resend (envelope: Envelope, mark: string): Promise<void>
  /** Milliseconds since 1970. */
  now (): number
  /** A new UUIDv7. */
  id (): string
}

export interface EmitterParts {
  readonly service: string
  readonly prefix: string
  readonly schemas: Schemas
  readonly trace: MessageTrace
  readonly now: () => number
  readonly newId: NewId
}

/** What every message of a transaction has in common, unless its draft says otherwise. */
export type EmitterContext = Pick<Draft, 'traceparent' | 'correlationId' | 'causationId'>

/** What was said in one transaction; once that has ended nothing more can be. */
export class Said {
  readonly entries: OutboxEntry[] = []
  readonly spans: Span[] = []
  readonly #saying: Array<Promise<unknown>> = []
  #open = true

  /** Throws E_TX_CLOSED behind the end of the transaction: what is said there would belong to none. */
  say<Value> (saying: () => Promise<Value>): Promise<Value> {
    if (!this.#open) return Promise.reject(messagingError('E_TX_CLOSED'))
    const said = saying()
    this.#saying.push(said)
    // Whoever does not wait for it hears of its failure from {@link end}.
    said.catch(() => {})
    return said
  }

  /** Waits for what nobody has waited for, and rejects when anything could not be said: all of it, or nothing. */
  async end (): Promise<void> {
    await Promise.all(this.#saying)
  }

  close (): void {
    this.#open = false
  }
}

/** Makes the emitter of one transaction; what it says is also noted in `said`. */
export function createEmitter (parts: EmitterParts, tx: Tx, context: EmitterContext, said: Said): Emitter {
  const { service, prefix, schemas, trace, now, newId } = parts
  const append = async (
    envelope: Envelope, body: string, kind: OutboxEntry['kind'], dest: string, dedupe = envelope.id
  ): Promise<void> => {
    const { id, subject: group, type } = envelope
    const entry: OutboxEntry = { id, dedupe, kind, dest, group, type, body }
    said.entries.push(entry)
    await tx.outbox.append([entry])
  }
  const emit = async (draft: Draft, kind: OutboxEntry['kind'], dest: string): Promise<Envelope> => {
    const sealed = seal({ ...context, ...draft }, service, now(), newId)
    const { traceparent, span } = trace.send(sealed, dest, sealed.traceparent)
    const envelope = traceparent === undefined ? sealed : { ...sealed, traceparent }
    if (span !== undefined) said.spans.push(span)
    await append(envelope, schemas.encode(envelope), kind, dest)
    return envelope
  }
  return {
    event: draft => said.say(() => emit(draft, 'event', topicOf(prefix, service))),
    command: draft => said.say(() => emit(draft, 'command', queueOf(prefix, serviceOf(draft.type)))),
    // Checked when it was first sent. By a schema that is narrower since then, its saga could neither ask nor give up.
    resend: (envelope, mark) => said.say(() => append(envelope, toWireText(envelope), 'command',
      queueOf(prefix, serviceOf(envelope.type)), `${envelope.id}:${mark}`)),
    now,
    id: () => newId(now())
  }
}
