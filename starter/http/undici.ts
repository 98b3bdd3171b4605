/**
 * The parts of undici that are used: connections, and a request over them. Its front door loads fetch, WebSocket,
 * mocks and caches as well, which costs every process 4 MB and 30 ms of its start. The version is exact, so the
 * paths hold.
 */
import { createRequire } from 'node:module'
import type { Agent as UndiciAgent, buildConnector as BuildConnector, Dispatcher, Pool as UndiciPool } from 'undici'

const load = createRequire(import.meta.url)

export const Agent = load('undici/lib/dispatcher/agent.js') as typeof UndiciAgent
export type Agent = UndiciAgent
export const Pool = load('undici/lib/dispatcher/pool.js') as typeof UndiciPool
export const buildConnector = load('undici/lib/core/connect.js') as typeof BuildConnector

type Send = (this: Dispatcher, options: Dispatcher.RequestOptions) => Promise<Dispatcher.ResponseData>
const send = load('undici/lib/api/api-request.js') as Send

export type RequestOptions = Omit<Dispatcher.RequestOptions, 'origin' | 'path' | 'method'> & {
  readonly dispatcher: Dispatcher
  /** Default GET. */
  readonly method?: string
}

/** One request; resolves when the head of the answer is there, its body still to be read. */
export async function request (url: string | URL, options: RequestOptions): Promise<Dispatcher.ResponseData> {
  const { origin, pathname, search } = typeof url === 'string' ? new URL(url) : url
  const { dispatcher, method = 'GET', ...rest } = options
  return await send.call(dispatcher, { ...rest, origin, path: pathname + search, method })
}
