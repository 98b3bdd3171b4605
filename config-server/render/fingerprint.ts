/**
 * What an environment means, in sixteen characters: its effective values and nothing else. A commit that touches
 * another application, a comment or the place of a line changes no fingerprint, so it wakes no watcher.
 */
import { createHash } from 'node:crypto'
import type { PropertySource } from '@breakwater/starter/settings'
import { flatten } from './flat.ts'

export function fingerprint (sources: readonly PropertySource[]): string {
  const hash = createHash('sha256')
  for (const [key, { kind, text }] of flatten(sources)) hash.update(`${key.length} ${key}${kind}${text.length} ${text}`)
  return hash.digest('base64url').slice(0, 16)
}

/** The strong tag of an answer: its bytes, then the fingerprint of what they mean. */
export function tagOf (body: Buffer, print: string): string {
  return `"${createHash('sha256').update(body).digest('base64url').slice(0, 20)}.${print}"`
}

/** The fingerprint inside a tag that a client sends back; undefined when it is no tag of ours. */
export function printOf (tag: string | undefined): string | undefined {
  return /^\s*(?:W\/)?"[\w-]{20}\.([\w-]{16})"\s*$/.exec(tag ?? '')?.[1]
}
