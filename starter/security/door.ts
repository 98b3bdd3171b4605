/**
 * What every server of ours asks of a request before it asks what it wants: that it was addressed to this machine, and
 * that no foreign page sent it. Where nobody is asked who he is, also that it was forwarded for nobody.
 */
import type { FastifyInstance, FastifyReply } from 'fastify'
import type { BreakwaterError } from '../errors.ts'
import { problemOf, send } from '../http/problems.ts'
import type { Settings } from '../settings/index.ts'
import { starterError } from '../starter-errors.ts'
import { isForeignPage, isForwarded, isOwnHost, type Asked } from './foreign.ts'

export interface DoorRules {
  /** Nobody is asked who he is, and nobody but this machine can connect. */
  readonly local: boolean
  /** `breakwater.security.hosts`: further names of the server. */
  readonly hosts: readonly string[]
}

export interface DoorOptions {
  /** Methods whose refusal must have no body. Default none. */
  readonly bareMethods?: readonly string[]
}

export function readHosts (settings: Settings): readonly string[] {
  return settings.list('breakwater.security.hosts')
}

/** Guards all routes of a server, those that do not exist too; to be called before they are added. */
export function guardDoor (app: FastifyInstance, rules: DoorRules, { bareMethods = [] }: DoorOptions = {}): void {
  app.addHook('onRequest', (request, reply, done) => {
    const refusal = refusalAtDoor(request, rules)
    if (refusal === undefined) done()
    else refuse(reply, refusal, bareMethods.includes(request.method))
  })
}

/** Of a server whose routes are for everyone: asks only by which name it was called. */
export function guardNames (app: FastifyInstance, hosts: readonly string[]): void {
  app.addHook('onRequest', (request, reply, done) => {
    if (isOwnHost(request, hosts)) done()
    else refuse(reply, notNamed(request), false)
  })
}

/** Why a request gets no further; undefined: it does. */
export function refusalAtDoor (request: Asked, { local, hosts }: DoorRules): BreakwaterError | undefined {
  // Said aloud that everybody may, or that everybody is asked: then names count only when the operator lists some.
  const named = local || hosts.length > 0
  if (named && !isOwnHost(request, hosts)) return notNamed(request)
  if (isForeignPage(request)) return starterError('E_FOREIGN_PAGE')
  return local && isForwarded(request) ? starterError('E_LOCAL_ONLY') : undefined
}

/** The name is the caller's word: short, and nothing that a terminal would obey. */
function notNamed ({ headers: { host = '' } }: Asked): BreakwaterError {
  return starterError('E_HOST', [JSON.stringify(host.slice(0, 100))])
}

function refuse (reply: FastifyReply, refusal: BreakwaterError, bare: boolean): void {
  if (bare) void reply.code(refusal.statusCode).header('content-length', '0').send()
  else void send(reply, problemOf(refusal))
}
