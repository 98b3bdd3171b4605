/**
 * How the entries of a key-value store are named. Keys sort by their UTF-8 bytes on every engine, which is the order
 * of their characters, not of their UTF-16 units: whoever compares keys in JavaScript is wrong beyond U+FFFF.
 *
 *   state/<key>                          the service's own
 *   outbox/seq                           the last number given
 *   outbox/new/<seq>                     to be sent
 *   outbox/sent/<time>/<seq>             sent, without its body
 *   outbox/refused/<seq>                 what the bus will never take, and why
 *   outbox/by-dedupe/<dedupe>            its number, until it is purged
 *   inbox/by-id/<consumer>/<id>          with the replies; inbox/by-time/<time>/<consumer>/<id> for the purge
 *   inbox/forgotten                      the time of the newest one that was removed
 *   answer/by-key/<scope>/<key>          idempotency; answer/by-time/<time>/... likewise
 */
import { createHash } from 'node:crypto'

export const STATE = 'state/'
export const SEQ = 'outbox/seq'
export const NEW = 'outbox/new/'
export const SENT = 'outbox/sent/'
export const REFUSED = 'outbox/refused/'
export const INBOX_TIME = 'inbox/by-time/'
export const FORGOTTEN = 'inbox/forgotten'
export const ANSWER_TIME = 'answer/by-time/'

const BY_DEDUPE = 'outbox/by-dedupe/'
const INBOX_ID = 'inbox/by-id/'
const ANSWER_KEY = 'answer/by-key/'
/** Two parts of this length and what stands before them fit into the keys of every engine (lmdb: 1978 bytes). */
const MAX_PART = 800

export function newKey (seq: number): string {
  return NEW + pad(seq)
}

export function refusedKey (seq: number): string {
  return REFUSED + pad(seq)
}

/** The number at the end of a key. */
export function seqOf (key: string): number {
  return Number(key.slice(key.lastIndexOf('/') + 1))
}

export function sentKey (atMs: number, seq: number): string {
  return `${SENT}${timePart(atMs)}/${pad(seq)}`
}

export function dedupeKey (dedupe: string): string {
  return BY_DEDUPE + part(dedupe)
}

export function inboxKey (consumer: string, id: string): string {
  return `${INBOX_ID}${part(consumer)}/${part(id)}`
}

export function inboxTimeKey (atMs: number, consumer: string, id: string): string {
  return `${INBOX_TIME}${timePart(atMs)}/${part(consumer)}/${part(id)}`
}

/** What {@link inboxTimeKey} was made of; an id too long to be kept in a key comes as its hash. */
export function readInboxTimeKey (key: string): { consumer: string, id: string, at: number } {
  const [at = '', consumer = '', id = ''] = key.slice(INBOX_TIME.length).split('/')
  return { consumer: readPart(consumer), id: readPart(id), at: readTimePart(at) }
}

export function answerKey (scope: string, key: string): string {
  return `${ANSWER_KEY}${part(scope)}/${part(key)}`
}

export function answerTimeKey (atMs: number, scope: string, key: string): string {
  return `${ANSWER_TIME}${timePart(atMs)}/${part(scope)}/${part(key)}`
}

/** The first key behind all that begin with `prefix`, which is not empty. */
export function behind (prefix: string): string {
  const characters = Array.from(prefix, character => character.codePointAt(0)!)
  while (characters.at(-1) === 0x10FFFF) characters.pop()
  const last = characters.pop()!
  // Half of a surrogate pair is no character: behind U+D7FF comes U+E000.
  return String.fromCodePoint(...characters, last === 0xD7FF ? 0xE000 : last + 1)
}

/** A text of somebody else's as one part of a key: it cannot end the part, nor make the key too long. */
function part (text: string): string {
  const encoded = text.isWellFormed() ? encodeURIComponent(text) : undefined
  if (encoded !== undefined && encoded.length <= MAX_PART) return encoded
  return `#${createHash('sha256').update(text, 'utf16le').digest('hex')}`
}

function readPart (part: string): string {
  return part.startsWith('#') ? part : decodeURIComponent(part)
}

/** Whole milliseconds, so that texts sort as times do; before 1970, too, where a clock may stand after a reset. */
export function timePart (ms: number): string {
  const whole = Math.floor(Math.max(-Number.MAX_SAFE_INTEGER, Math.min(ms, Number.MAX_SAFE_INTEGER)))
  return whole < 0 ? `-${pad(Number.MAX_SAFE_INTEGER + whole)}` : pad(whole)
}

function readTimePart (part: string): number {
  return part.startsWith('-') ? Number(part.slice(1)) - Number.MAX_SAFE_INTEGER : Number(part)
}

function pad (n: number): string {
  return String(n).padStart(16, '0')
}
