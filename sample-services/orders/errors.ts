/** What a caller of orders can do wrong, and what can be wrong with it. */
import { errorTable } from '@breakwater/starter/errors'

export const orderError = errorTable({
  ORDER_NOT_FOUND: { text: 'there is no order %s.', status: 404 },
  ORDER_CONFIRMED: { text: 'the order is paid for and cannot be cancelled any more.', status: 409 },
  SKU_TWICE: { text: 'the article %s is in more than one line.', next: 'Add the quantities up.', status: 400 },
  TOTAL_TOO_LARGE: {
    text: 'the order comes to more than 9007199254740991 minor units, beyond which sums are not exact.',
    next: 'Order less at a time.',
    status: 400
  },
  READ_MODEL_BEHIND: {
    text: 'the order %s is in version %s, and not in %s yet.',
    next: 'Repeat the request.',
    status: 504,
    canRetry: true
  },
  USER_UNKNOWN: { text: 'there is no user %s.', next: 'Register the user first.', status: 422 },
  USER_SUSPENDED: { text: 'the user %s is suspended.', status: 422 },
  E_USERS_DOWN: {
    text: 'the user %s is not known here and users does not answer.',
    next: 'Repeat the request in a second.',
    status: 503,
    canRetry: true
  }
})
