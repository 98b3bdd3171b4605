/** What a reader of the order history may be told. */
import { errorTable } from '@breakwater/starter/errors'

export const historyError = errorTable({
  ORDER_NOT_FOUND: { text: 'there is no order %s here, or not yet.', status: 404 },
  READ_MODEL_BEHIND: {
    text: 'the order %s is not here in version %s yet.',
    next: 'Repeat the request.',
    status: 504,
    canRetry: true
  },
  INSTANT: {
    text: '%s is not an instant: "%s".',
    next: 'Write it as RFC 3339 does: 2026-01-31T12:00:00Z, or with an offset.',
    status: 400
  },
  CURSOR: { text: 'the cursor is not one of ours.', next: 'Use the nextCursor of the previous answer.', status: 400 }
})
