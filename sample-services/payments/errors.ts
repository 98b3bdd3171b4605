/** What a caller of payments can do wrong. */
import { errorTable } from '@breakwater/starter/errors'

export const paymentError = errorTable({
  ACCOUNT_NOT_FOUND: { text: 'the user %s has no account.', next: 'Deposit something first.', status: 404 },
  CURRENCY_MISMATCH: { text: 'the account is kept in %s, not in %s.', status: 422 },
  DEPOSIT_LIMIT: {
    text: 'all deposits of the user %s may come to 9007199254740991 minor units, beyond which sums are not exact.',
    status: 422
  }
})
