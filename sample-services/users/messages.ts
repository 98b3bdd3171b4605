/** The events users publishes. */
import type { MessageSchema } from '@breakwater/messaging'

const userId = { type: 'string', format: 'uuid' }
const statusChange = {
  type: 'object', required: ['userId'], properties: { userId, reason: { type: 'string', maxLength: 500 } }
}

export const MESSAGES: readonly MessageSchema[] = [
  {
    $id: 'users.UserRegistered.v1',
    type: 'object',
    required: ['userId', 'email', 'name'],
    properties: { userId, email: { type: 'string', maxLength: 254 }, name: { type: 'string', maxLength: 200 } }
  },
  { $id: 'users.UserSuspended.v1', ...statusChange },
  { $id: 'users.UserReactivated.v1', ...statusChange }
]
