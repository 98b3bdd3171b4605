/** Whether what somebody has is still what there is: conditional requests, both ways (RFC 9110, 13; RFC 9111, 4.3). */
import type { Fields } from './freshness.ts'

type Headers = ReadonlyArray<readonly [name: string, value: string]>

/** Of the representation, which a 304 does not bring: what it says of them is about another body. */
const OF_THE_BODY: ReadonlySet<string> = new Set(['content-length', 'content-encoding', 'content-type', 'content-range'])

/** The fields that ask the service whether an answer still holds; none when it has no validator. */
export function conditionsFor (headers: Headers): ReadonlyArray<readonly [name: string, value: string]> {
  const etag = valueOf(headers, 'etag')
  if (etag !== undefined) return [['if-none-match', etag]]
  const modified = valueOf(headers, 'last-modified')
  return modified === undefined ? [] : [['if-modified-since', modified]]
}

/** Whether the caller has it already; `fields` are the request's. A tag has the word over a date (13.2.2). */
export function isKnown (fields: Fields, headers: Headers): boolean {
  const tags = fields('if-none-match')
  if (tags.length > 0) return matches(tags.join(), valueOf(headers, 'etag'))
  const since = Date.parse(fields('if-modified-since')[0] ?? '')
  return Date.parse(valueOf(headers, 'last-modified') ?? '') <= since
}

/** The stored fields with what a 304 says anew (3.2). */
export function updated (stored: Headers, news: Headers): Headers {
  const replaced = new Set(news.map(([name]) => name).filter(name => !OF_THE_BODY.has(name)))
  return [...stored.filter(([name]) => !replaced.has(name)), ...news.filter(([name]) => replaced.has(name))]
}

/** What a 304 says of an answer. */
export function withoutBody (headers: Headers): Headers {
  return headers.filter(([name]) => !OF_THE_BODY.has(name))
}

/** By the weak comparison: two that are the same for a reader are the same here (8.8.3.2). */
function matches (list: string, etag: string | undefined): boolean {
  if (list.trim() === '*') return true
  if (etag === undefined) return false
  const known = opaque(etag)
  return [...list.matchAll(/(?:W\/)?"[^"]*"/g)].some(([tag]) => opaque(tag) === known)
}

function opaque (tag: string): string {
  return tag.replace(/^W\//, '')
}

function valueOf (headers: Headers, wanted: string): string | undefined {
  return headers.find(([name]) => name === wanted)?.[1]
}
