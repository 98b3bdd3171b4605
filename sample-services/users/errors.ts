/** What a caller of users can do wrong, and what can be wrong with it. */
import { errorTable } from '@breakwater/starter/errors'

export const userError = errorTable({
  EMAIL_TAKEN: { text: 'another user has this e-mail address.', next: 'Use another address.', status: 409 },
  USER_NOT_FOUND: { text: 'there is no user %s.', status: 404 },
  VERSION_MISMATCH: {
    text: 'the user is at version %s, the request was made for %s.',
    next: 'Read the user again and repeat the change.',
    status: 412
  },
  READ_MODEL_BEHIND: {
    text: 'the user %s is not here in version %s yet.',
    next: 'Repeat the request.',
    status: 504,
    canRetry: true
  },
  E_NO_OWNER: {
    text: 'the instance that owns the users does not answer at the moment.',
    next: 'Repeat the request in a second.',
    status: 503,
    canRetry: true
  },
  E_NOT_OWNER: { text: 'this instance of users is a replica.', next: 'Ask the owner at %s.', status: 409 }
})
