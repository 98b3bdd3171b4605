/** Users over HTTP. */
import { commandRoute, type Command, type Messaging, type SqlTx } from '@breakwater/messaging'
import { sendTagged } from '@breakwater/starter'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { changeStatus, normalEmail, register, type Decision, type User } from '../domain/user.ts'
import { userError } from '../errors.ts'
import type { UserNode } from '../replica/user-node.ts'
import { findUser, insertUser, updateUser } from '../store/user-store.ts'
import { CHANGE_STATUS, READ, REGISTER } from './schemas.ts'

/** What the routes ask of an instance. */
export type Users = Pick<UserNode, 'messaging' | 'isOwner' | 'find' | 'forward'>

export function userRoutes (app: FastifyInstance, node: Users): void {
  const current = (): Messaging<SqlTx> => node.messaging
  // A replica hands every write to the owner, as it came.
  const preHandler = async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    if (!node.isOwner) await node.forward(request, reply)
  }
  app.post('/users', { schema: REGISTER, preHandler }, commandRoute(current, registerUser))
  app.post('/users/:id/suspend', { schema: { summary: 'Suspend a user', ...CHANGE_STATUS }, preHandler },
    commandRoute(current, statusCommand('SUSPENDED')))
  app.post('/users/:id/reactivate', { schema: { summary: 'Reactivate a user', ...CHANGE_STATUS }, preHandler },
    commandRoute(current, statusCommand('ACTIVE')))
  app.get<{ Params: { id: string }, Querystring: { minVersion?: number } }>(
    '/users/:id', { schema: READ }, async (request, reply) => {
      const { params: { id }, query: { minVersion = 0 } } = request
      const user = await node.find(id, minVersion)
      if (user === undefined) throw userError('USER_NOT_FOUND', [id])
      if (user.version < minVersion) throw userError('READ_MODEL_BEHIND', [id, minVersion])
      return sendTagged(request, reply, String(user.version), user)
    })
}

const registerUser: Command<SqlTx> = async (request, tx, emit) => {
  const { email, name } = request.body as { email: string, name: string }
  const decision = register(emit.id(), normalEmail(email), name)
  if (!await insertUser(tx, decision.user)) throw userError('EMAIL_TAKEN')
  await emit.event(draft(decision))
  const { userId, version } = decision.user
  return { status: 201, body: { userId, version }, headers: { location: `/users/${userId}` } }
}

function statusCommand (status: User['status']): Command<SqlTx> {
  return async (request, tx, emit) => {
    const { id } = request.params as { id: string }
    const user = await findUser(tx, id)
    if (user === undefined) throw userError('USER_NOT_FOUND', [id])
    const { reason } = (request.body ?? {}) as { reason?: string }
    const decision = changeStatus(user, status, reason, expectedVersion(request))
    if (decision.event !== undefined) {
      await updateUser(tx, decision.user)
      await emit.event(draft(decision))
    }
    return { status: 200, body: decision.user, headers: { etag: `"${decision.user.version}"` } }
  }
}

/** If-Match is a list of entity tags (RFC 9110, 13.1.1); ours are version numbers, and one is all a client has. */
function expectedVersion (request: FastifyRequest): number | undefined {
  const header = request.headers['if-match']
  if (header === undefined || header === '*') return undefined
  const version = /^"(\d{1,15})"$/.exec(header)?.[1]
  // A tag we never gave out matches no version.
  return version === undefined ? 0 : Number(version)
}

function draft ({ user, event }: Decision) {
  return { type: event!.type, subject: user.userId, aggregateType: 'user', aggregateVersion: user.version,
    data: event!.data }
}
