/** The events users publishes. */
import type { MessageSchema } from '@breakwater/messaging'
import { email, name, reason, userId } from './shapes.ts'

const statusChange = { type: 'object', required: ['userId'], properties: { userId, reason } }

export const MESSAGES: readonly MessageSchema[] = [
  {
    $id: 'users.UserRegistered.v1',
    type: 'object',
    required: ['userId', 'email', 'name'],
    properties: { userId, email, name }
  },
  { $id: 'users.UserSuspended.v1', ...statusChange },
  { $id: 'users.UserReactivated.v1', ...statusChange }
]
