/**
 * JSON Web Tokens (RFC 7519) by jose. Keys from a file or from a URL whose host was allowed, issuer and audience
 * checked, a token without expiry refused. The names of the settings are those of Spring's resource server.
 */
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { FastifyRequest } from 'fastify'
import { createLocalJWKSet, createRemoteJWKSet, jwtVerify } from 'jose'
import type { JSONWebKeySet, JWTPayload, JWTVerifyGetKey, JWTVerifyOptions } from 'jose'
import { isLoopback } from './addresses.ts'
import type { Settings } from '../settings/index.ts'
import { starterError } from '../starter-errors.ts'
import { highestRole } from './principal.ts'
import type { Principal } from './principal.ts'

const PREFIX = 'spring.security.oauth2.resourceserver.jwt'
/** Signatures by public key only: with a shared secret whoever checks could also sign. */
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519']
const MAX_TOKEN = 16_384
/** Spring's allowance for clocks that differ. */
const CLOCK_TOLERANCE_SECONDS = 60
const KEYS_TIMEOUT_MS = 5_000
const KEYS_MAX_AGE_MS = 300_000
const KEYS_COOLDOWN_MS = 10_000

/** Reads the keys when they are in a file; a URL is asked at the first token, and again for an unknown key. */
export async function createBearer (
  settings: Settings
): Promise<(request: FastifyRequest) => Promise<Principal | undefined>> {
  const keys = await readKeys(settings)
  const options = verifyOptions(settings)
  const claim = settings.string('breakwater.security.roles-claim', 'roles')
  const applicationsClaim = settings.string('breakwater.security.applications-claim', 'applications')
  return async request => {
    const token = bearerToken(request.headers.authorization)
    if (token === undefined) return undefined
    try {
      const { payload } = await jwtVerify(token, keys, options)
      const role = highestRole(rolesOf(payload, claim))
      return { name: payload.sub ?? 'unnamed', role, applications: applicationsOf(payload, applicationsClaim) }
    } catch (failure) {
      // Keys that cannot be had are our trouble, everything else is the token's.
      if (isKeysTrouble(failure)) throw starterError('E_SECURITY_KEYS', [(failure as Error).message], { cause: failure })
      return undefined
    }
  }
}

const KEYS_TROUBLE = new Set(['ERR_JWKS_TIMEOUT', 'ERR_JWKS_INVALID', 'ERR_JOSE_GENERIC'])

/** The token of an Authorization header, undefined when there is none or it is absurdly long. */
function bearerToken (header: string | undefined): string | undefined {
  if (header === undefined || header.length > MAX_TOKEN || !/^bearer /i.test(header)) return undefined
  return header.slice(7).trim()
}

function verifyOptions (settings: Settings): JWTVerifyOptions {
  const issuer = settings.get(`${PREFIX}.issuer-uri`)
  const audience = settings.list(`${PREFIX}.audiences`)
  return {
    algorithms: ALGORITHMS,
    clockTolerance: CLOCK_TOLERANCE_SECONDS,
    requiredClaims: ['exp'],
    ...(issuer === undefined ? {} : { issuer }),
    ...(audience.length === 0 ? {} : { audience })
  }
}

async function readKeys (settings: Settings): Promise<JWTVerifyGetKey> {
  const key = `${PREFIX}.jwk-set-uri`
  const where = settings.origin(key) ?? key
  const text = settings.string(key)
  if (!/^https?:/.test(text)) return createLocalJWKSet(await readKeyFile(text, where))
  const url = new URL(text)
  const allowed = settings.list('breakwater.security.allowed-hosts')
  if (!allowed.includes(url.hostname)) throw starterError('E_SECURITY_HOST', [url.hostname, url.hostname], { where })
  // Whoever can change the keys on their way can sign any token.
  const plain = url.protocol === 'http:' && !isLoopback(url.hostname)
  if (plain) throw starterError('E_SECURITY_HTTP', [url.hostname], { where })
  return createRemoteJWKSet(url, {
    timeoutDuration: KEYS_TIMEOUT_MS, cooldownDuration: KEYS_COOLDOWN_MS, cacheMaxAge: KEYS_MAX_AGE_MS
  })
}

async function readKeyFile (location: string, where: string): Promise<JSONWebKeySet> {
  const path = location.startsWith('file:') ? fileURLToPath(location) : location
  try {
    return JSON.parse(await readFile(path, 'utf8')) as JSONWebKeySet
  } catch (cause) {
    throw starterError('E_SECURITY_KEYS', [`${path}: ${(cause as Error).message}`], { where, cause })
  }
}

/** The claim is a list or a text of words; OAuth's own `scope` and `scp` count too. */
function rolesOf (payload: JWTPayload, claim: string): string[] {
  return [payload[claim], payload['scope'], payload['scp']].flatMap(value => {
    if (typeof value === 'string') return value.split(/\s+/)
    return Array.isArray(value) ? value.filter((word): word is string => typeof word === 'string') : []
  })
}

/** Which services the token speaks for; a claim that is there but names none binds to nothing at all. */
function applicationsOf (payload: JWTPayload, claim: string): string[] | undefined {
  const value = payload[claim]
  if (value === undefined) return undefined
  const words = typeof value === 'string' ? value.split(/[\s,]+/) : Array.isArray(value) ? value : []
  return words.filter((word): word is string => typeof word === 'string' && word !== '').map(word => word.toLowerCase())
}

function isKeysTrouble (failure: unknown): boolean {
  const code = (failure as { code?: unknown }).code
  return typeof code !== 'string' || !code.startsWith('ERR_J') || KEYS_TROUBLE.has(code)
}
