/**
 * The ways to know a caller: JSON Web Tokens, basic passwords, API keys. Secrets are compared by their digests, in
 * constant time; nothing of them reaches a log or an answer.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createLocalJWKSet, createRemoteJWKSet, jwtVerify, type JSONWebKeySet, type JWTPayload, type JWTVerifyGetKey } from 'jose'
import type { Exchange } from '../exchange.ts'
import type { SecurityOptions } from '../options.ts'
import { nameOf } from './client-certificate.ts'
import type { Principal } from './principal.ts'
import { VerifiedTokens } from './verified-tokens.ts'

export interface Authenticator {
  /** For WWW-Authenticate. */
  readonly challenge: string
  /** Undefined: not known this way. */
  readonly check: (x: Exchange) => Promise<Principal | undefined> | Principal | undefined
}

/** Throws what `fail` makes when the settings lack what the method needs. */
export type MakeAuthenticator = (options: SecurityOptions, fail: (reason: string) => Error) => Authenticator

export const METHODS: ReadonlyMap<string, MakeAuthenticator> = new Map([
  ['jwt', jwt], ['basic', basic], ['api-key', apiKey], ['certificate', certificate]
])

/** Signed by public key only: with a shared secret whoever checks a token could also make one. */
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519']
const MAX_CREDENTIALS = 16_384
const CLOCK_TOLERANCE_SECONDS = 60

function jwt (options: SecurityOptions, fail: (reason: string) => Error): Authenticator {
  const keys = keySet(options, fail)
  const { issuer, audiences } = options.jwt
  const verify = {
    algorithms: ALGORITHMS,
    clockTolerance: CLOCK_TOLERANCE_SECONDS,
    requiredClaims: ['exp'],
    ...issuer === undefined ? {} : { issuer },
    ...audiences.length === 0 ? {} : { audience: [...audiences] }
  }
  const verified = new VerifiedTokens()
  const verifyToken = async (token: string): Promise<Principal | undefined> => {
    try {
      const { payload } = await jwtVerify(token, keys, verify)
      const principal: Principal = { kind: 'jwt', name: payload.sub ?? 'unnamed', scopes: new Set(scopesOf(payload)), token }
      verified.add(token, principal, (payload.exp ?? 0) * 1_000)
      return principal
    } catch {
      return undefined
    }
  }
  return {
    challenge: 'Bearer',
    check (x) {
      const token = credentials(x, 'bearer')
      return token === undefined ? undefined : verified.get(token) ?? verifyToken(token)
    }
  }
}

/** A file is read at compile time; a URL must be on a host that was allowed, and its keys are cached and rotated. */
function keySet ({ jwt: { jwkSetUri, allowedHosts } }: SecurityOptions,
  fail: (reason: string) => Error): JWTVerifyGetKey {
  if (jwkSetUri === undefined) throw fail('jwt needs spring.security.oauth2.resourceserver.jwt.jwk-set-uri')
  if (!/^https?:/.test(jwkSetUri)) {
    return createLocalJWKSet(JSON.parse(readFileSync(jwkSetUri.replace(/^file:(\/\/)?/, ''), 'utf8')) as JSONWebKeySet)
  }
  const url = new URL(jwkSetUri)
  if (!allowedHosts.includes(url.hostname)) {
    throw fail(`the keys' host ${url.hostname} is not in breakwater.security.allowed-hosts`)
  }
  const local = url.hostname === 'localhost' || url.hostname.startsWith('127.') || url.hostname === '[::1]'
  // Whoever can change the keys on their way can sign any token.
  if (url.protocol === 'http:' && !local) throw fail(`keys from ${url.hostname} must come by https`)
  return createRemoteJWKSet(url, { timeoutDuration: 5_000, cooldownDuration: 10_000, cacheMaxAge: 300_000 })
}

function scopesOf (payload: JWTPayload): string[] {
  return [payload['scope'], payload['scp'], payload['roles']].flatMap(value => {
    if (typeof value === 'string') return value.split(/\s+/)
    return Array.isArray(value) ? value.filter((word): word is string => typeof word === 'string') : []
  })
}

function basic (options: SecurityOptions, fail: (reason: string) => Error): Authenticator {
  if (options.users.length === 0) throw fail('basic needs breakwater.gateway.security.users')
  const users = options.users.map(({ name, password, scopes }) =>
    ({ digest: digest(`${name}:${password}`), principal: { kind: 'basic' as const, name, scopes: new Set(scopes), token: undefined } }))
  return {
    challenge: 'Basic realm="gateway", charset="UTF-8"',
    check (x) {
      const given = credentials(x, 'basic')
      return given === undefined ? undefined : known(users, Buffer.from(given, 'base64').toString('utf8'))
    }
  }
}

function apiKey (options: SecurityOptions, fail: (reason: string) => Error): Authenticator {
  const { header, keys } = options.apiKeys
  if (keys.length === 0) throw fail('api-key needs breakwater.gateway.security.api-keys')
  const users = keys.map(({ name, key, scopes }) =>
    ({ digest: digest(key), principal: { kind: 'api-key' as const, name, scopes: new Set(scopes), token: undefined } }))
  return {
    challenge: `ApiKey header="${header}"`,
    check (x) {
      const given = x.header(header)
      return given === undefined || given.length > MAX_CREDENTIALS ? undefined : known(users, given)
    }
  }
}

/** The handshake has checked it; without `server.ssl.client-auth` nobody has one. */
function certificate (): Authenticator {
  return {
    challenge: 'Certificate',
    check (x) {
      const shown = x.clientCertificate
      return shown === undefined ? undefined : { kind: 'certificate', name: nameOf(shown), scopes: new Set(), token: undefined }
    }
  }
}

/** All are compared, always: the time must not tell which of them was nearly right. */
function known (users: ReadonlyArray<{ digest: Buffer, principal: Principal }>, text: string): Principal | undefined {
  const given = digest(text)
  let found: Principal | undefined
  for (const user of users) if (timingSafeEqual(user.digest, given)) found = user.principal
  return found
}

function credentials (x: Exchange, scheme: string): string | undefined {
  const header = x.header('authorization')
  if (header === undefined || header.length > MAX_CREDENTIALS) return undefined
  return header.slice(0, scheme.length + 1).toLowerCase() === `${scheme} ` ? header.slice(scheme.length + 1).trim() : undefined
}

function digest (text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
