/** Every error of messaging that a user can act on. */
import { errorTable } from '@breakwater/starter/errors'

export const messagingError = errorTable({
  E_EVENT_SCHEMA: {
    text: '%s at %s: %s. Not sent; the transaction was rolled back.',
    next: 'Correct the data, or publish a new version of the message.'
  },
  E_MESSAGE_INVALID: { text: '%s at %s: %s. The message cannot be handled and goes to the dead letters.' },
  E_MESSAGE_UNKNOWN: {
    text: 'no instance has understood %s (%s) for %s s.',
    next: 'Bring the version that does, then redrive the message; or drop it.'
  },
  E_MESSAGE_TOO_OLD: {
    text: '%s is of %s, and what was handled up to %s is forgotten: nobody can tell whether it was.',
    next: 'See whether its effect is there; do it by hand, or drop the message.'
  },
  E_MESSAGE_ID_USED: {
    text: '%s has the id %s of another message that was handled.',
    next: 'Send it under an id of its own, or drop it.'
  },
  E_INBOX_SHORT: {
    text: 'what was handled is forgotten after %s s, and the bus may deliver a message for %s s.',
    next: 'Set breakwater.messaging.keep-inbox to more.'
  },
  E_MESSAGE_TOO_LARGE: { text: '%s has %s bytes, a message may have 256000.', next: 'Send a reference.', status: 413 },
  E_OUTBOX_FULL: {
    text: '%s messages wait in the outbox, the bus takes none.',
    next: 'Bring the bus back; repeat the request later.',
    status: 503,
    canRetry: true
  },
  E_STORE_BUSY: { text: 'somebody else holds what is needed: %s.', status: 503, canRetry: true },
  E_STORE_READ_ONLY: {
    text: 'the store takes no writes: %s.',
    next: 'Make it writable again, or point breakwater.store.url at the one that is.',
    status: 503,
    canRetry: true
  },
  E_STORE_FULL: {
    text: 'the store has no room left: its disk, its page limit or its memory (maxmemory) is full.',
    next: 'Make room.',
    status: 503,
    canRetry: true
  },
  E_STORE_DOWN: { text: 'the store does not answer: %s.', status: 503, canRetry: true },
  E_STORE_FLUSH: {
    text: 'the disk did not take a flush (%s); nobody knows what it has lost.',
    next: 'Look at the disk, then start the service anew: until then it takes no writes.',
    status: 503,
    canRetry: true
  },
  E_STORE_UNKNOWN: {
    text: 'the answer to a commit was lost (%s): it was written, or it was not.',
    next: 'Repeat the request under the same Idempotency-Key, which does it once; without a key, look first.',
    status: 503,
    canRetry: true
  },
  E_STORE_CORRUPT: {
    text: '%s is damaged: %s.',
    next: 'Stop the service, move the file aside and put a copy in its place; nothing was changed in it.',
    status: 503,
    canRetry: true
  },
  E_STORE_DENIED: {
    text: 'the store refuses what this service must do: %s.',
    next: 'Correct user and password in breakwater.store.url, or give the user this right.',
    status: 503,
    canRetry: true
  },
  E_STORE_CONFLICT: { text: 'the same record was changed by another command.', status: 503, canRetry: true },
  E_STORE_CONSTRAINT: {
    text: 'a row breaks the %s constraint %s.',
    next: 'Look for it before writing, or use ON CONFLICT.'
  },
  E_STORE_TABLE: {
    text: '%s.',
    next: 'Add it to the tables that the store is opened with; those of messaging are SAGA_TABLES and PROJECTION_TABLES.'
  },
  E_STORE_NOT_TRANSACTIONAL: {
    text: 'the store keeps outbox rows of a transaction that was rolled back.',
    next: 'Use an adapter that writes state and outbox in one atomic unit.'
  },
  E_STORE_NOT_DURABLE: {
    text: '%s does not keep what it acknowledges: %s.',
    next: 'Set %s.',
    status: 503,
    canRetry: true
  },
  E_STORE_UNFIT: { text: '%s cannot keep what a store promises: %s.', next: '%s.', status: 503, canRetry: true },
  E_STORE_REPLICAS: {
    text: 'it is written, but %s of %s replicas have it: a failover may take it back.',
    next: 'Bring the replicas back; repeat the request later, under the same Idempotency-Key.',
    status: 503,
    canRetry: true
  },
  E_STORE_SETTING: { text: '%s cannot be %s.', next: 'Use %s.' },
  E_STORE_OWNED: {
    text: '%s belongs to another running process.',
    next: 'Scale this service with a shared store (breakwater.store.url), or give the second one another breakwater.data.dir.'
  },
  E_EMBEDDED_REFUSED: {
    text: '%s would keep its data in a file, and a pod\'s disk goes away with the pod.',
    next: 'Set breakwater.store.url, or ALLOW_EMBEDDED=1 with a volume.'
  },
  E_STORE_KEY: { text: 'the key %s cannot be kept: %s.', status: 400 },
  E_STORE_VALUE: {
    text: '%s.',
    next: 'Relational stores keep whole numbers to 2^53 - 1, well-formed text without U+0000, and null; ' +
      'key-value stores what JSON gives back as it was.'
  },
  E_TX_LARGE: {
    text: 'a transaction writes %s entries of %s characters; 10000 and 16 Mi are possible.',
    next: 'Divide it.'
  },
  E_TX_CLOSED: { text: 'a transaction was used after it had ended.', next: 'Await every step inside the transaction.' },
  E_TX_SLOW: { text: 'a command held the store for more than %s ms.', next: 'Do no network calls inside tx().', status: 503 },
  E_STALE_RECEIPT: { text: 'the message was handed to another consumer in the meantime.', status: 409 },
  E_BUS_DOWN: { text: 'the bus at %s does not answer: %s.', status: 503, canRetry: true },
  E_BUS_THROTTLED: { text: 'the bus at %s asks for fewer calls: %s.', status: 503, canRetry: true },
  E_BUS_DENIED: {
    text: 'the bus refuses us %s: %s.',
    next: 'Give the service this right, or valid keys.',
    status: 503
  },
  E_BUS_RENEWED: {
    text: 'the bus began anew: its subscriptions and what it had taken are gone. Readers are given time to subscribe again.',
    status: 412,
    canRetry: true
  },
  E_BUS_NOT_YET: { text: 'the bus did not take the message: %s.', status: 503, canRetry: true },
  E_BUS_FULL: {
    text: 'the bus has %s bytes on its disk, its bound is %s.',
    next: 'Let the consumers catch up, drop dead letters, or raise breakwater.bus.max-megabytes.',
    status: 507,
    canRetry: true
  },
  E_MESSAGE_TEXT: { text: '%s has half of a surrogate pair in its text.', next: 'Send well-formed text.', status: 400 },
  E_BUS_REFUSED: { text: 'the bus will never take this: %s.', status: 422 },
  E_BUS_NAME: {
    text: '%s is no name of a %s on SNS/SQS: letters, digits, - and _, at most %s with the suffix .fifo.',
    next: 'Choose another breakwater.messaging.prefix, or another name for the service.'
  },
  E_BUS_FILTER: {
    text: 'the subscription of %s to %s has no list of types that one could be taken from.',
    next: 'Change its filter by hand.',
    status: 409
  },
  E_SUBSCRIPTION_USED: {
    text: 'this version of the service handles %s.',
    next: 'Stop its instances first, or ask one of the version that does not.',
    status: 409
  },
  E_BUS_PROVISION: {
    text: 'the bus has no %s.',
    next: 'Create it, or set breakwater.bus.provision=true where the service may create it itself.'
  },
  E_BUS_URL: { text: '%s is no bus.', next: 'Use http://host:port, or aws://region.' },
  E_ROUTE_UNFED: {
    text: 'nothing brings %s to the service %s.',
    next: 'Subscribe to it; a command goes to the service that its type begins with.'
  },
  E_ROUTE_TWICE: { text: '%s has a route and is a reply of a saga.', next: 'Leave the route to the saga.' },
  E_SUBSCRIPTION_UNHANDLED: { text: 'no route handles %s.', next: 'Add one, or do not subscribe to it.' },
  E_SCHEMA_MISSING: { text: 'no schema is known for %s.', next: 'Add it to the service\'s schemas.' },
  E_SCHEMA_CLOSED: {
    text: 'the schema of %s refuses members that it does not name: a newer sender\'s would all be dead letters.',
    next: 'Take additionalProperties or unevaluatedProperties out of it.'
  },
  E_NOT_FOUND: { text: 'there is no %s.', status: 404 },
  E_SAGA_STATES: { text: '%s.', next: 'Correct the saga\'s definition.' },
  E_SAGA_TWICE: { text: 'two sagas are of the type %s.', next: 'Give one of them another name.' },
  E_SAGA_STEP: { text: 'the state %s %s.', next: 'Correct the saga\'s definition.' },
  E_SAGA_MISSING: { text: 'there is no saga %s.', status: 404 },
  E_SAGA_MANY: { text: 'several sagas are about %s.', next: 'Name one of them by its id: %s.', status: 409 },
  E_SAGA_UNKNOWN: {
    text: 'no definition of this version of the service is called %s.',
    next: 'Ask an instance of the version that began the saga.',
    status: 409
  },
  E_SAGA_NEWER: {
    text: 'a newer version of the service has brought the saga into the state %s.',
    next: 'Repeat the request in a second.',
    status: 503,
    canRetry: true
  },
  E_SAGA_IDLE: { text: 'in the state %s the saga waits for no command\'s reply.', status: 409 },
  E_SAGA_REASON: { text: 'a saga %s is cancelled for one of these reasons: %s.', status: 400 },
  E_SAGA_GOES_ON: { text: 'in the state %s the saga cannot be cancelled.', status: 409 },
  E_SAGA_EXISTS: { text: '%s has a saga %s already.', status: 409 },
  E_PROJECTION_UNKNOWN: { text: 'there is no projection %s.', next: 'See /internal/projections.', status: 404 },
  E_KEY_MISSING: { text: 'the header Idempotency-Key is required.', next: 'Send 1 to 255 printable ASCII characters.', status: 400 },
  E_KEY_INVALID: { text: 'an Idempotency-Key has 1 to 255 printable ASCII characters.', next: 'Use a UUID.', status: 400 },
  E_KEY_REUSED: { text: 'this Idempotency-Key was used with other values.', next: 'Use a new key.', status: 422 },
  E_KEY_IN_FLIGHT: {
    text: 'the first request with this Idempotency-Key is still running.',
    next: 'Repeat it in a second.',
    status: 409,
    canRetry: true
  }
})

export type MessagingErrorCode = Parameters<typeof messagingError>[0]

/** True for an error of ours with one of these codes. */
export function hasCode (error: unknown, ...codes: MessagingErrorCode[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(error.code as MessagingErrorCode)
}

/** Thrown by a handler that will never accept this message: straight to the dead letters. */
export class Poison extends Error {
  override readonly name = 'Poison'
}

/** Thrown when the message is fine but its surroundings are not: tried again without counting. */
export class Transient extends Error {
  override readonly name = 'Transient'
}

/** Thrown for what only a newer version of this service understands: left to its instances, for a time. */
export class Newer extends Error {
  override readonly name = 'Newer'
}

/** A message that is left to others: it comes back in a while, and no try is counted. */
export class Held extends Error {
  override readonly name = 'Held'
  readonly delayMs: number

  constructor (why: string, delayMs: number) {
    super(why)
    this.delayMs = delayMs
  }
}

/** True when waiting may help: a store or a bus that is down, busy or full. */
export function isTransient (error: unknown): boolean {
  return error instanceof Transient ||
    (error instanceof Error && 'canRetry' in error && error.canRetry === true)
}
