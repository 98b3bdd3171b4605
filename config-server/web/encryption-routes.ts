/** /encrypt, /decrypt and /key with Spring's bodies and statuses. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { BreakwaterError } from '@breakwater/starter/errors'
import { CIPHER, readPrefixes } from '@breakwater/starter/settings'
import type { KeyRing } from '../encryption/key-ring.ts'
import { error } from '../errors.ts'
import type { CheckAccess } from './access.ts'
import type { Audit } from './audit.ts'

const STATUS_WORDS: Record<string, string> = {
  E_CIPHER_INVALID: 'INVALID',
  E_CIPHER_NO_KEY: 'NO_KEY',
  E_CIPHER_UNKNOWN_KEY: 'BAD_REQUEST',
  E_CIPHER_FORMAT: 'BAD_REQUEST',
  E_CIPHER_NO_PUBLIC_KEY: 'NOT_FOUND'
}

export interface EncryptionParts {
  readonly prefix: string
  readonly keys: KeyRing
  readonly access: CheckAccess
  readonly audit: Audit
}

/** Registers the encryption endpoints below the prefix. */
export function encryptionRoutes (app: FastifyInstance, { prefix, keys, access, audit }: EncryptionParts): void {
  for (const suffix of ['', '/:name/:profiles']) {
    app.post(`${prefix}/encrypt${suffix}`, work(async request => {
      await access(request, 'encrypt')
      return encrypt(bodyOf(request, false), keys)
    }))
    app.post(`${prefix}/decrypt${suffix}`, work(async request => {
      audit(request, await access(request, 'decrypt'), 'decrypt', {})
      return decrypt(bodyOf(request, true), keys)
    }))
    app.get(`${prefix}/key${suffix}`, work(async () => publicKey(keys)))
  }
  app.get(`${prefix}/encrypt/status`, work(async () => {
    keys.locate(new Map()) // throws when there is none
    return { status: 'OK' }
  }))
  otherMethods(app, prefix)
}

// What is left of the methods is refused with the right Allow; `GET /encrypt/a/b` is a question for an environment.
function otherMethods (app: FastifyInstance, prefix: string): void {
  const table = [['/encrypt', 'POST'], ['/decrypt', 'POST'], ['/encrypt/status', 'GET'], ['/key', 'GET'],
    ['/encrypt/:name/:profiles', 'GET, POST'], ['/decrypt/:name/:profiles', 'GET, POST'], ['/key/:name/:profiles', 'GET']] as const
  for (const [path, allowed] of table) {
    const taken = allowed.includes('GET') ? `${allowed}, HEAD` : allowed
    app.route({
      method: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'].filter(method => !taken.split(', ').includes(method)),
      url: prefix + path,
      handler: async (request, reply) => {
        reply.header('allow', allowed)
        throw error('E_ASK_METHOD', [request.method])
      }
    })
    app.options(prefix + path, (_request, reply) => reply.header('allow', `${taken}, OPTIONS`).send())
  }
}

type Work = (request: FastifyRequest) => Promise<string | object>

function work (run: Work) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    try {
      refuseHidden(request.params as Record<string, string>)
      const result = await run(request)
      return typeof result === 'string'
        ? await reply.header('content-type', 'text/plain;charset=UTF-8').send(result)
        : await sendJson(reply, result)
    } catch (failure) {
      const word = failure instanceof BreakwaterError ? STATUS_WORDS[failure.code] : undefined
      if (word === undefined) throw failure
      const { message, statusCode } = failure as BreakwaterError
      return sendJson(reply.code(statusCode), { description: message, status: word })
    }
  }
}

// Name and profiles choose nothing here, but a slash that was hidden from a proxy in front must not count.
function refuseHidden (params: Record<string, string>): void {
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  if (Object.values(params).some(part => /[/\\\u0000-\u001f\u007f]/.test(part))) throw error('E_ASK_URL')
}

async function sendJson (reply: FastifyReply, body: object) {
  return reply.header('content-type', 'application/json').send(Buffer.from(JSON.stringify(body)))
}

async function encrypt (body: string, keys: KeyRing): Promise<string> {
  const { prefixes, head, text } = readPrefixes(body)
  return head + await keys.locate(prefixes).encrypt(text)
}

// A body that still has `{cipher}` in front is refused, as by Spring: it would hide that the wrong text was sent.
async function decrypt (body: string, keys: KeyRing): Promise<string> {
  const { prefixes, text } = readPrefixes(body)
  const encryptor = keys.locate(prefixes)
  try {
    if (body.startsWith(CIPHER)) throw new TypeError('a {cipher} prefix')
    return await encryptor.decrypt(text)
  } catch {
    throw error('E_CIPHER_INVALID') // every cause looks the same from outside
  }
}

async function publicKey (keys: KeyRing): Promise<string> {
  const key = keys.installed ? keys.locate(new Map()).publicKey : undefined
  if (key === undefined) throw error('E_CIPHER_NO_PUBLIC_KEY')
  return key
}

function bodyOf (request: FastifyRequest, isCipher: boolean): string {
  const type = request.headers['content-type']
  if (!Buffer.isBuffer(request.body) || request.body.length === 0 || type === undefined) throw error('E_CIPHER_BODY')
  const text = request.body.toString()
  return type === 'text/plain' || !text.endsWith('=') ? text : withoutForm(text, isCipher)
}

/**
 * curl sends `--data x` as a form: the text arrives encoded and with `=` at its end. It is undone for plain texts;
 * of a cipher the `=` goes only when it is no part of a base64 text.
 */
function withoutForm (text: string, isCipher: boolean): string {
  const decoded = decodeForm(text)
  if (!isCipher) return decoded.slice(0, -1)
  const cipher = decoded.replaceAll(' ', '+')
  const bare = cipher.slice(0, -1)
  const { text: body } = readPrefixes(bare)
  const isHex = /^(?:[0-9a-f]{2})+$/i.test(body)
  const isWholeBase64 = body.length % 4 === 0 && /^[A-Za-z0-9+/]+=*$/.test(body)
  return cipher.endsWith('=') && (isHex || isWholeBase64) ? bare : cipher
}

function decodeForm (text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return text
  }
}
