/** A user: what changes, what it is told as, and for whom a change was made. */
import { t } from 'tap'
import { changeStatus, normalEmail, register, type User } from '../domain/user.ts'

const ann: User = { userId: 'u', email: 'ann@example.org', name: 'Ann', status: 'ACTIVE', version: 3 }
const suspended: User = { ...ann, status: 'SUSPENDED' }

t.test('registration is version 1', async t => {
  t.same(register('u', 'ann@example.org', 'Ann'), {
    user: { ...ann, version: 1 },
    event: { type: 'users.UserRegistered.v1', data: { userId: 'u', email: 'ann@example.org', name: 'Ann' } }
  })
  t.equal(normalEmail('Ann@EXAMPLE.org'), 'ann@example.org')
})

t.test('each state with each change, with and without the version that was seen', async t => {
  for (const expected of [undefined, 3]) {
    t.same(changeStatus(ann, 'SUSPENDED', 'late', expected), { user: { ...suspended, version: 4 },
      event: { type: 'users.UserSuspended.v1', data: { userId: 'u', reason: 'late' } } })
    t.same(changeStatus(suspended, 'ACTIVE', undefined, expected), { user: { ...ann, version: 4 },
      event: { type: 'users.UserReactivated.v1', data: { userId: 'u' } } })
    t.same(changeStatus(ann, 'ACTIVE', 'x', expected), { user: ann }, 'asked twice: no event')
    t.same(changeStatus(suspended, 'SUSPENDED', 'x', expected), { user: suspended })
  }
  for (const expected of [0, 2, 4]) {
    t.throws(() => changeStatus(ann, 'SUSPENDED', 'x', expected), { code: 'VERSION_MISMATCH', statusCode: 412 })
    t.throws(() => changeStatus(ann, 'ACTIVE', 'x', expected), { code: 'VERSION_MISMATCH' }, 'also where nothing would change')
  }
})
