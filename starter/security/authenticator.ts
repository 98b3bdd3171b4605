/**
 * Who may use a server of the platform: one choice, made by `breakwater.security.mode`, for registry, config server and
 * gateway admin alike. How a server uses it:
 *
 *     const auth = await createAuthenticator(settings, log)           // throws when nothing was chosen but must be
 *     guardDoor(app, auth.door)                                       // foreign names and pages, before any route
 *     app.get('/apps', { onRequest: auth.requireRole('read', { emptyBody: true }) }, handler)
 *     app.post('/apps/:app', { onRequest: auth.requireRole('write', { emptyBody: true }) }, handler)
 *     app.register(actuator, { settings, log, authorize: auth.check }) // env, loggers, refresh
 *     const principal = await auth.check(request, 'admin')            // by hand: throws 401 or 403 errors
 *
 * Modes: not set: everyone on this machine, and the server must be bound to it (else E_SECURITY_CHOICE at start); to
 * administer it takes the token of this machine, which no request has that somebody else made pass through here.
 * `none`: everyone who can reach it; said aloud, so allowed anywhere. `basic`: spring.security.user.* and
 * breakwater.security.users[]. `bearer`: JWT, spring.security.oauth2.resourceserver.jwt.*. `mtls`: certificates.
 * Roles: read < write < admin. `emptyBody` gives 401 and 403 without a body, because Eureka's Java client stops
 * renewing for ever when an error of a heartbeat has one. Give every route a role, health and the like excepted.
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { BreakwaterError } from '../errors.ts'
import { problemOf, send } from '../http/problems.ts'
import { isLoopback } from './addresses.ts'
import { adminToken, defaultTokenFile, showsToken, TOKEN_FILE_KEY } from './admin-token.ts'
import { readHosts, type DoorRules } from './door.ts'
import { isCrossSite, isLocalCall } from './foreign.ts'
import type { Logger } from '../logger.ts'
import { onDemand } from '../on-demand.ts'
import { checkSecurityKeys } from '../own-keys.ts'
import type { Settings } from '../settings/index.ts'
import { starterError } from '../starter-errors.ts'
import { createBasic } from './basic.ts'
import { createMtls } from './mtls.ts'
import { may } from './principal.ts'
import type { Principal, Role } from './principal.ts'

/** Undefined: this caller did not prove who it is. */
export type Authenticate = (request: FastifyRequest) => Principal | undefined | Promise<Principal | undefined>

export interface Authenticator {
  /** What was chosen; `local` when nothing was. */
  readonly mode: 'local' | 'none' | 'basic' | 'bearer' | 'mtls'
  readonly authenticate: Authenticate
  /** The principal when it may; throws E_UNAUTHENTICATED (401) or E_FORBIDDEN (403). */
  readonly check: (request: FastifyRequest, role: Role) => Promise<Principal>
  /** What {@link guardDoor} lets through. */
  readonly door: DoorRules
  /** An onRequest hook that answers those who may not. */
  requireRole (role: Role, options?: { readonly emptyBody?: boolean }): RoleHook
}

export type RoleHook = (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply | undefined>

export interface AuthenticatorOptions {
  /** The setting of the address the server binds. Default `server.address`. */
  readonly addressKey?: string
  /** The server has routes for everyone, and asks for the others only: it may be bound anywhere. Default false. */
  readonly isPublic?: boolean
}

const BASIC_CHALLENGE = 'Basic realm="breakwater", charset="UTF-8"'
const EVERYONE: Principal = { name: 'everyone', role: 'admin' }
const LOCAL: Principal = { name: 'local', role: 'admin' }
const LOCAL_CHALLENGE = 'Basic realm="the password is what breakwater token prints", charset="UTF-8"'
/** A stranger's wrong guesses must not fill the log. */
const LOG_PAUSE_MS = 1_000

/** Reads the choice; throws when it is needed and missing, or incomplete. */
export async function createAuthenticator (
  settings: Settings, log: Logger, options: AuthenticatorOptions = {}
): Promise<Authenticator> {
  checkSecurityKeys(settings)
  const mode = readMode(settings, options)
  const authenticate = await authenticateBy(mode, settings)
  const hosts = readHosts(settings)
  const refuseStranger = mode === 'local' ? localRule(settings, hosts) : async () => undefined
  const warn = throttled(log)
  const check = async (request: FastifyRequest, role: Role): Promise<Principal> => {
    const principal = await authenticate(request)
    const refusal = principal === undefined
      ? starterError('E_UNAUTHENTICATED')
      : refusalOf(principal, role, request) ?? await refuseStranger(request, role)
    if (refusal === undefined && principal !== undefined) return principal
    warn({ address: request.ip, method: request.method, role, principal: principal?.name }, 'refused a caller')
    throw refusal ?? starterError('E_UNAUTHENTICATED')
  }
  return {
    mode,
    authenticate,
    check,
    door: { local: mode === 'local', hosts },
    requireRole: (role, { emptyBody = false } = {}) => async (request, reply) => {
      try {
        await check(request, role)
        return undefined
      } catch (failure) {
        return refuse(reply, failure, mode, emptyBody)
      }
    }
  }
}

function readMode (
  settings: Settings, { addressKey = 'server.address', isPublic = false }: AuthenticatorOptions
): Authenticator['mode'] {
  const mode = settings.get('breakwater.security.mode')
  const address = settings.string(addressKey, '127.0.0.1')
  if (mode === undefined) {
    if (isPublic || isLoopback(address)) return 'local'
    throw starterError('E_SECURITY_CHOICE', [address], { where: settings.origin(addressKey) })
  }
  if (mode === 'none' || mode === 'basic' || mode === 'bearer' || mode === 'mtls') return mode
  throw starterError('E_SECURITY_MODE', [mode], { where: settings.origin('breakwater.security.mode') })
}

async function authenticateBy (mode: Authenticator['mode'], settings: Settings): Promise<Authenticate> {
  switch (mode) {
    case 'local': return () => LOCAL
    case 'none': return () => EVERYONE
    case 'basic': return createBasic(settings)
    case 'bearer': return await (await onDemand.bearer()).createBearer(settings)
    case 'mtls': return createMtls(settings)
  }
}

/** Wherever a browser sends credentials by itself, or none are asked for, a page must not act in a person's name. */
function refusalOf (principal: Principal, role: Role, request: FastifyRequest): BreakwaterError | undefined {
  const foreignPage = role !== 'read' && isCrossSite(request)
  return foreignPage || !may(principal, role) ? starterError('E_FORBIDDEN', [role]) : undefined
}

/** Without a choice: this machine may all but administer, which takes the token of this machine. */
function localRule (settings: Settings, hosts: readonly string[]) {
  const file = settings.string(TOKEN_FILE_KEY, defaultTokenFile())
  return async (request: FastifyRequest, role: Role): Promise<BreakwaterError | undefined> => {
    if (!isLocalCall(request, hosts)) return starterError('E_LOCAL_ONLY')
    if (role !== 'admin' || showsToken(request.headers.authorization, await adminToken(file))) return undefined
    return starterError('E_LOCAL_ADMIN')
  }
}

function refuse (reply: FastifyReply, failure: unknown, mode: Authenticator['mode'], emptyBody: boolean): FastifyReply {
  if (!(failure instanceof BreakwaterError)) throw failure
  if (failure.statusCode === 401) void reply.header('www-authenticate', challengeOf(mode))
  if (emptyBody) return reply.code(failure.statusCode).header('content-length', '0').send()
  return send(reply, problemOf(failure))
}

function challengeOf (mode: Authenticator['mode']): string {
  if (mode === 'local') return LOCAL_CHALLENGE
  return mode === 'bearer' ? 'Bearer' : BASIC_CHALLENGE
}

function throttled (log: Logger): (fields: object, text: string) => void {
  let nextMs = 0
  return (fields, text) => {
    if (performance.now() < nextMs) return
    nextMs = performance.now() + LOG_PAUSE_MS
    log.warn(fields, text)
  }
}
