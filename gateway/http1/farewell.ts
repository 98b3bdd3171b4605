/**
 * Streams in a drain: those that will not end by themselves are ended early, in their own protocol, so that the client
 * goes elsewhere at once instead of being cut at the very end.
 *
 * An event stream has no word for it: its clients take the end of the answer as "connect again", drop an event that is
 * not complete, and say which one they had last (HTML, 9.2.6). gRPC says UNAVAILABLE, which clients may try again.
 */
import type { HttpExchange } from './exchange.ts'

const GRPC_GOODBYE = 'grpc-status: 14\r\ngrpc-message: the gateway is going away\r\n'

/** Ends the answer when it is a stream that has lasted for `patienceMs`: a younger one may be about to end. */
export function sayGoodbye (x: HttpExchange, nowMs: number, patienceMs: number): void {
  const { writer } = x.client
  if (!x.active || x.upgraded || !writer.isStreaming || nowMs - x.startedMs < patienceMs) return
  if (x.isGrpc) end(x, GRPC_GOODBYE)
  else if (x.responseHeader('content-type')?.startsWith('text/event-stream') === true) end(x, '')
}

function end (x: HttpExchange, trailers: string): void {
  x.client.closing = true
  x.upstream?.detach(x, false)
  x.client.writer.end(trailers)
}
