/** How a cart is paid, whatever payments does: taken, refused, silent, or away. */
import { Sagas } from '@breakwater/messaging'

export interface Cart { readonly amount: number }

export const checkOut = new Sagas<Cart>({
  type: 'CheckOut',
  states: {
    PAYING: {
      sends: 'payments.TakeMoney.v1',
      replies: ['payments.MoneyTaken.v1', 'payments.MoneyRefused.v1'],
      deadlineMs: attempt => attempt === 0 ? 30_000 : 5000
    },
    VOIDING: { sends: 'payments.GiveBack.v1', replies: ['payments.MoneyReturned.v1'], deadlineMs: 30_000 },
    PAID: { ends: true },
    GIVEN_UP: { ends: true }
  },
  decide: ({ state, attempt, data }, input) => {
    switch (`${state} ${input.kind === 'reply' ? input.type : input.kind}`) {
      case 'NEW start': return { to: 'PAYING', note: 'checked out', send: { amount: data.amount } }
      case 'PAYING payments.MoneyTaken.v1': return { to: 'PAID', note: 'paid' }
      case 'PAYING payments.MoneyRefused.v1': return { to: 'GIVEN_UP', note: 'refused' }
      case 'VOIDING payments.MoneyReturned.v1': return { to: 'GIVEN_UP', note: 'nothing was taken, or it is back' }
      // No answer does not mean that nothing was done: ask again, and then undo it, whatever it was.
      case 'PAYING timeout': return attempt < 3
        ? { to: 'PAYING', resend: true, note: 'asked again' }
        : { to: 'VOIDING', note: 'no answer', send: {} }
      case 'VOIDING timeout': return { to: 'VOIDING', resend: true, note: 'asked again' }
    }
  }
})
