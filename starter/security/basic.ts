/** HTTP Basic (RFC 7617) against users of the settings. Comparing takes the same time for every wrong answer. */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import type { Settings } from '../settings/index.ts'
import { starterError } from '../starter-errors.ts'
import { highestRole } from './principal.ts'
import type { Principal } from './principal.ts'

interface User {
  readonly credentials: Buffer
  readonly principal: Principal
}

const MAX_HEADER = 4_096

/**
 * Users: `spring.security.user.name/password/roles` and `breakwater.security.users[n].name/password/roles`; without
 * roles a user is admin, as the one user of a Spring server may do everything.
 */
export function createBasic (settings: Settings): (request: FastifyRequest) => Principal | undefined {
  const users = readUsers(settings)
  return request => {
    const header = request.headers.authorization
    if (header === undefined || header.length > MAX_HEADER || !/^basic /i.test(header)) return undefined
    const given = digest(Buffer.from(header.slice(6).trim(), 'base64').toString('utf8'))
    let found: Principal | undefined
    // All are compared, always: the time must not tell which user exists.
    for (const user of users) if (timingSafeEqual(user.credentials, given)) found = user.principal
    return found
  }
}

function readUsers (settings: Settings): User[] {
  const users: User[] = []
  const add = (prefix: string, nameFallback: string): void => {
    const name = settings.string(`${prefix}.name`, nameFallback)
    const password = settings.string(`${prefix}.password`)
    const roles = settings.list(`${prefix}.roles`, ['admin'])
    users.push({ credentials: digest(`${name}:${password}`), principal: { name, role: highestRole(roles) } })
  }
  if (settings.get('spring.security.user.password') !== undefined) add('spring.security.user', 'user')
  for (let at = 0; settings.get(`breakwater.security.users[${at}].name`) !== undefined; at++) {
    add(`breakwater.security.users[${at}]`, '')
  }
  if (users.length === 0) throw starterError('E_SECURITY_USERS')
  return users
}

function digest (text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
