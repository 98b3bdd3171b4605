import { isTree, type Tree } from '../eureka/body.ts'
import { decodeTime } from '../eureka/decode.ts'
import type { Book } from '../registry/book.ts'
import { BUCKETS } from '../registry/digest.ts'
import { mergeFacts } from '../registry/facts.ts'
import { instanceKey, keyParts } from '../registry/instance.ts'
import { formatStamp, parseStamp } from '../registry/stamp.ts'
import type { InstanceState } from '../registry/state.ts'
import { readState, stateJson } from '../eureka/state-json.ts'

/**
 * How two registries of ours become equal, whatever was lost between them. One asks with a sum for each bucket; the
 * other lists the instances of the buckets that differ; then they exchange all they know of those, and each puts it
 * together by itself.
 */

/** The instances of one bucket, by key, with the digest of their facts. */
export type Listed = readonly [bucket: number, members: ReadonlyArray<readonly [key: string, digest: number]>]

/** More instances than these are not listed at once; the next comparison finds the others. */
const MAX_LISTED = 5000
const MAX_KEYS = 5000

export function compareRequest ({ clock, digests }: Book): string {
  return JSON.stringify({ at: formatStamp(clock.read()), sums: digests.sums })
}

/** What the asked one answers; undefined when it was not asked like that. */
export function answerComparison (book: Book, { at, sums }: Tree): string | undefined {
  if (!Array.isArray(sums) || sums.length !== BUCKETS || !observe(book, at)) return undefined
  const differ: Listed[] = []
  let listed = 0
  for (const [bucket, sum] of book.digests.sums.entries()) {
    if (sum === sums[bucket] || listed >= MAX_LISTED) continue
    const members = [...book.digests.members(bucket)]
    listed += members.length
    differ.push([bucket, members])
  }
  return JSON.stringify({ at: formatStamp(book.clock.read()), instances: book.size, differ })
}

/** What a comparison has found. */
export interface Differences {
  /** The keys of the instances in which the two differ. */
  readonly keys: readonly string[]
  /** How many instances the other has; undefined when it does not say. */
  readonly instances: number | undefined
}

/** undefined when that was no answer. */
export function differences (book: Book, body: string): Differences | undefined {
  const tree = parse(body)
  if (tree === undefined || !Array.isArray(tree.differ) || !observe(book, tree.at)) return undefined
  const keys = tree.differ.filter(isListed).flatMap(([bucket, members]) => {
    const theirs = new Map(members)
    const mine = book.digests.members(bucket)
    return [...new Set([...theirs.keys(), ...mine.keys()])].filter(key => theirs.get(key) !== mine.get(key))
  })
  return { keys, instances: decodeTime(tree.instances) }
}

export function exchangeRequest (book: Book, keys: readonly string[]): string {
  return exchangeJson('wanted', keys, keys.flatMap(key => stateOf(book, key) ?? []))
}

/** Takes what the asker knows, and answers what is known here besides; undefined when it was not asked like that. */
export function answerExchange (book: Book, { wanted, states }: Tree): string | undefined {
  if (!Array.isArray(wanted) || !Array.isArray(states) || wanted.length > MAX_KEYS) return undefined
  const told = new Map(states.map(readState).filter(state => state !== undefined)
    .map(state => [instanceKey(state.app, state.id), state]))
  const refused = [...told].filter(([, state]) => !book.copies.merge(state)).map(([key]) => key)
  const known = wanted.flatMap(key => typeof key === 'string' ? stateOf(book, key) ?? [] : [])
  const news = known.filter(state => hasMore(state, told.get(instanceKey(state.app, state.id))))
  return exchangeJson('refused', refused, news)
}

/** Takes what the other has answered. False when that was no answer. */
export function takeExchange (book: Book, body: string): boolean {
  const tree = parse(body)
  if (tree === undefined || !Array.isArray(tree.states) || !Array.isArray(tree.refused)) return false
  for (const raw of tree.states) {
    const state = readState(raw)
    if (state !== undefined) book.copies.merge(state)
  }
  for (const key of tree.refused) {
    const parts = typeof key === 'string' ? keyParts(key) : undefined
    if (parts !== undefined) book.copies.doubt(...parts)
  }
  return true
}

function hasMore (mine: InstanceState, told: InstanceState | undefined): boolean {
  return told === undefined || mergeFacts(told.facts, mine.facts) !== told.facts
}

function stateOf (book: Book, key: string): InstanceState | undefined {
  const parts = keyParts(key)
  return parts === undefined ? undefined : book.copies.stateOf(...parts)
}

function exchangeJson (name: 'wanted' | 'refused', keys: readonly string[], states: readonly InstanceState[]): string {
  return `{"${name}":${JSON.stringify(keys)},"states":[${states.map(stateJson).join(',')}]}`
}

function observe ({ clock }: Book, at: unknown): boolean {
  const stamp = parseStamp(at)
  if (stamp !== undefined) clock.observe(stamp)
  return stamp !== undefined
}

function isListed (raw: unknown): raw is Listed {
  if (!Array.isArray(raw)) return false
  const [bucket, members] = raw as unknown[]
  return typeof bucket === 'number' && Number.isInteger(bucket) && bucket >= 0 && bucket < BUCKETS &&
    Array.isArray(members) && members.every(member => Array.isArray(member) && typeof member[0] === 'string')
}

function parse (body: string): Tree | undefined {
  try {
    const tree: unknown = JSON.parse(body)
    return isTree(tree) ? tree : undefined
  } catch {
    return undefined
  }
}
