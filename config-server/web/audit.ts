/** One log line for every read of secrets and for every change that a caller makes; never a value. */
import type { FastifyRequest } from 'fastify'
import type { Logger, Principal } from '@breakwater/starter'
import type { Ask } from '../environment/ask.ts'

export type Audit = (request: FastifyRequest, principal: Principal, action: string, details: object) => void

export function createAudit (log: Logger): Audit {
  const lines = log.child({ logger: 'audit' })
  return (request, principal, action, details) => {
    lines.info({ action, principal: principal.name, address: request.ip, ...details }, 'audit')
  }
}

/** What was asked, as it stands in an audit line. */
export function auditedAsk ({ name, profile, label }: Ask): object {
  return { application: name, profiles: profile, label }
}
