/** What Redis and its driver throw, sorted: was it refused, and by what, or is nobody to know what became of it? */
import { hasCode, messagingError } from '../../errors.ts'

/** The connection ended, or said nothing for too long: what was sent may have been done, or not. */
export class Lost extends Error {
  override readonly name = 'Lost'
}

type Code = Parameters<typeof messagingError>[0]

/** By the word that an answer of Redis begins with, or that a script of Redis 6 quotes. */
const CODES: Readonly<Record<string, Code>> = {
  OOM: 'E_STORE_FULL',
  READONLY: 'E_STORE_READ_ONLY',
  NOPERM: 'E_STORE_DENIED',
  NOAUTH: 'E_STORE_DENIED',
  WRONGPASS: 'E_STORE_DENIED',
  LOADING: 'E_STORE_DOWN',
  MASTERDOWN: 'E_STORE_DOWN',
  CLUSTERDOWN: 'E_STORE_DOWN',
  TRYAGAIN: 'E_STORE_DOWN',
  NOREPLICAS: 'E_STORE_DOWN',
  MISCONF: 'E_STORE_DOWN',
  BUSY: 'E_STORE_DOWN',
  UNKILLABLE: 'E_STORE_DOWN',
  NOSCRIPT: 'E_STORE_DOWN',
  MOVED: 'E_STORE_DOWN'
}
const WORDS = new RegExp(`(?:^|[ -])(${Object.keys(CODES).join('|')})\\b`)

/** The error for a caller, or Lost. No secret of the URL is in it, nor what was sent. */
export function redisError (error: unknown, url: string): Error {
  if (!(error instanceof Error)) return new Error(String(error))
  if (error instanceof Lost || 'canRetry' in error) return error
  const text = withoutSecrets(error.message, url).replace(/\.$/, '')
  if (error.name !== 'ReplyError') return new Lost(text)
  const details = { where: withoutCredentials(url) }
  // How scripts tell of NOPERM since Redis 7.
  const word = /can't run this command/.test(text) ? 'NOPERM' : WORDS.exec(text)?.[1]
  if (word === undefined) {
    return messagingError('E_STORE_UNFIT', ['Redis', `it answers "${text}"`, 'Use a server that takes it'], details)
  }
  // A disk that is full shows as MISCONF.
  const code = /no space/i.test(text) ? 'E_STORE_FULL' : CODES[word]!
  return messagingError(code, [text], details)
}

/** Whether somebody else should be asked: this server takes no writes any more. */
export function isElsewhere (error: unknown): boolean {
  return hasCode(error, 'E_STORE_READ_ONLY')
}

export function withoutCredentials (url: string): string {
  const { protocol, host } = new URL(url)
  return `${protocol}//${host}`
}

/** Old servers repeat the arguments of a command that they do not know, AUTH included. */
function withoutSecrets (text: string, url: string): string {
  const { username, password } = new URL(url)
  const secrets = [password, decodeURIComponent(password), username, decodeURIComponent(username)]
  return secrets.reduce((text, secret) => secret === '' ? text : text.replaceAll(secret, '***'), text)
}
