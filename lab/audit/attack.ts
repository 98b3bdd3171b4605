/**
 * What an attack is: bytes that are sent to a door of the stack, and what must and must not come of them. Plain data,
 * so that a corpus can be read as the list of what is tried.
 *
 * In texts that are sent stand `{mark}` (a word that only this attack has), `{host}` (the authority of the door),
 * `{port:DOOR}`, `{witness}` (the port of the instance that writes down what reaches it), `{as:NAME}` (the value of an
 * Authorization header of that user) and `{length}` (of what follows the head).
 */

export const DOORS = ['gateway', 'admin', 'registry', 'config', 'bus', 'users', 'orders'] as const
export type Door = typeof DOORS[number]

/** How the stack is set up: as in production, or with nothing chosen at all. */
export const PROFILES = ['secured', 'local'] as const
export type Profile = typeof PROFILES[number]

/** Bytes for one connection, each character one byte. */
export interface Sent {
  readonly door: Door
  readonly bytes: string
}

/** What is judged. Every field that is there must hold. */
export interface Must {
  /** The first answer is an error, or the connection ends without one. */
  readonly refused?: true
  /** The status of the last answer is one of these. */
  readonly status?: readonly number[]
  /** None of these texts is in what came back. */
  readonly lacks?: readonly string[]
  /** All of these texts are. */
  readonly has?: readonly string[]
  /** No request that reached the instance matches one of these regular expressions; each is a text with the mark. */
  readonly unheard?: readonly string[]
  /** Some request that reached the instance has each of these texts. */
  readonly heard?: readonly string[]
  /** The connection is ended by the server within this time. */
  readonly endsWithinMs?: number
  /** The server's side of the connection sends no more than this. */
  readonly maxAnswerBytes?: number
  /** Some process has logged this: that it refused for this reason, and not by chance. */
  readonly logged?: string
  /** No process has logged any of these. */
  readonly unlogged?: readonly string[]
}

export interface Attack {
  /** Unique in its theme. */
  readonly name: string
  /** Page and fault: where this was found, or the rule that it breaks. */
  readonly source: string
  readonly door: Door
  /** @default all */
  readonly profiles?: readonly Profile[]
  /** Sent first, one after the other, each on a connection of its own; not judged. */
  readonly first?: readonly Sent[]
  readonly bytes: string
  /** Sent piece by piece with a pause before each, after `bytes`, for as long as the connection lives. */
  readonly trickle?: { readonly piece: string, readonly everyMs: number }
  /** The client's side ends after it has sent. @default false */
  readonly halfClose?: boolean
  /** Takes so long that it runs beside others. @default false */
  readonly slow?: boolean
  /** Longer than a minute: left out of a quick run. @default false */
  readonly long?: boolean
  /** Needs the instance of the audit's own stack, or its settings: left out against another one. @default false */
  readonly own?: boolean
  /** How long an answer is waited for. @default 5000 */
  readonly patienceMs?: number
  readonly must: Must
}

export interface Theme {
  readonly name: string
  /** What it is about, in one line. */
  readonly about: string
  /** Sent before the attacks of the theme, to an own stack only. */
  readonly before?: readonly Sent[]
  /** One at a time, so that it is known which of them has stopped a server. @default false */
  readonly alone?: boolean
  readonly attacks: readonly Attack[]
}
