/**
 * Lets the native half of a session live until its streams are collected. A client that goes away in the middle of
 * trailers leaves fields in a stream that are the session's memory; collected first, the session ends the process
 * (`current_nghttp2_memory_ == 0`, nodejs/node#39951): any client could.
 */
import type { Http2Session, Http2Stream } from 'node:http2'

/** What it holds goes when the stream has gone. */
const held = new FinalizationRegistry<unknown>(() => {})

/** Not documented, and dropped by a session that is destroyed; where a Node has no such thing nothing is held. */
export function outlive (session: Http2Session, stream: Http2Stream): void {
  const symbol = Object.getOwnPropertySymbols(session).find(({ description }) => description === 'kHandle')
  if (symbol !== undefined) held.register(stream, (session as unknown as Record<symbol, unknown>)[symbol])
}
