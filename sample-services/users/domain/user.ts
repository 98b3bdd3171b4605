/** A user and what may happen to one. Pure: what comes out is the new state and the event that tells of it. */
import { userError } from '../errors.ts'

export interface User {
  readonly userId: string
  readonly email: string
  readonly name: string
  readonly status: 'ACTIVE' | 'SUSPENDED'
  /** Counts the changes; the ETag, and the event's aggregate version. */
  readonly version: number
}

export interface UserEvent {
  readonly type: 'users.UserRegistered.v1' | 'users.UserSuspended.v1' | 'users.UserReactivated.v1'
  readonly data: Record<string, unknown>
}

export interface Decision {
  readonly user: User
  /** Absent when nothing changed: asking twice for the same is no event. */
  readonly event?: UserEvent
}

export function register (userId: string, email: string, name: string): Decision {
  const user: User = { userId, email, name, status: 'ACTIVE', version: 1 }
  return { user, event: { type: 'users.UserRegistered.v1', data: { userId, email, name } } }
}

/** `expected` is the version the caller saw, when it said so (If-Match). */
export function changeStatus (
  user: User, status: User['status'], reason: string | undefined, expected: number | undefined
): Decision {
  if (expected !== undefined && expected !== user.version) {
    throw userError('VERSION_MISMATCH', [user.version, expected])
  }
  if (user.status === status) return { user }
  const type = status === 'SUSPENDED' ? 'users.UserSuspended.v1' : 'users.UserReactivated.v1'
  return {
    user: { ...user, status, version: user.version + 1 },
    event: { type, data: { userId: user.userId, ...(reason === undefined ? {} : { reason }) } }
  }
}

/** Addresses are compared without regard to case: two accounts that differ in it belong to one person. */
export function normalEmail (email: string): string {
  return email.trim().toLowerCase()
}
