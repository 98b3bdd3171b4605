/**
 * What a handler and a command use to say something to the world, inside their transaction; and where they get time
 * and ids from, so that a run of them can be repeated.
 */
import type { Span } from '@breakwater/starter'
import { seal, serviceOf, type Draft, type Envelope, type NewId } from './envelope.ts'
import { queueOf, topicOf } from './options.ts'
import { toWireText, type Schemas } from './schemas.ts'
import type { OutboxEntry, Tx } from './store/store.ts'
import type { MessageTrace } from './trace.ts'

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

/** What was said in one transaction. */
export interface Said { readonly entries: OutboxEntry[], readonly spans: Span[] }

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
    event: draft => emit(draft, 'event', topicOf(prefix, service)),
    command: draft => emit(draft, 'command', queueOf(prefix, serviceOf(draft.type))),
    // Checked when it was first sent. By a schema that is narrower since then, its saga could neither ask nor give up.
    resend: (envelope, mark) => append(envelope, toWireText(envelope), 'command',
      queueOf(prefix, serviceOf(envelope.type)), `${envelope.id}:${mark}`),
    now,
    id: () => newId(now())
  }
}
