/** Who may use the endpoints that show or change the inside of a process. */
import type { FastifyRequest } from 'fastify'

export type ActuatorRole = 'read' | 'admin'

/** Resolves when the request may go on; throws an error with `statusCode` 401 or 403 when not. `auth.check` is one. */
export type Authorize = (request: FastifyRequest, role: ActuatorRole) => Promise<unknown>
