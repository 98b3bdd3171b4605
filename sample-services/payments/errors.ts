/** What a caller of payments can do wrong. */
import { errorTable } from '@breakwater/starter/errors'

export const paymentError = errorTable({
  ACCOUNT_NOT_FOUND: { text: 'the user %s has no account.', next: 'Deposit something first.', status: 404 },
  CURRENCY_MISMATCH: { text: 'the account is kept in %s, not in %s.', status: 422 }
})
