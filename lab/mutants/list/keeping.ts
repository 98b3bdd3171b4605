/** Faults of stores and idempotency keys. */
import type { Mutant } from '../mutant.ts'

const STORES = ['messaging/test/store-sqlite.test.ts', 'messaging/test/store.test.ts']
const KEYS = ['messaging/test/idempotency.test.ts']

export const KEEPING: readonly Mutant[] = [
  {
    id: 'outbox-twice',
    package: 'messaging',
    breaks: 'the same dedupe id is written once',
    file: 'messaging/store/sql-messaging.ts',
    from: '\'ON CONFLICT (dedupe) DO NOTHING\'',
    to: '\'ON CONFLICT (dedupe) DO UPDATE SET sent_at = NULL\'',
    seenBy: STORES
  },
  {
    id: 'closed-still-answers',
    package: 'messaging',
    breaks: 'a closed store answers "not now"',
    file: 'messaging/store/closing.ts',
    from: 'if (closed !== undefined) throw',
    to: 'if (closed === null) throw',
    seenBy: STORES
  },
  {
    id: 'key-of-everybody',
    package: 'messaging',
    breaks: 'an idempotency key belongs to one caller',
    file: 'messaging/idempotency.ts',
    from: 'digest(request.params, callerOf(request))',
    to: 'digest(request.params)',
    seenBy: KEYS
  },
  {
    id: 'key-of-bytes',
    package: 'messaging',
    breaks: 'the same values in other bytes are the same request',
    file: 'messaging/idempotency.ts',
    from: 'JSON.stringify(values, sorted)',
    to: 'JSON.stringify(values)',
    seenBy: KEYS
  }
]
