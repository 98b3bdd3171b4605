/**
 * What answers inside the gateway for `forward:` targets that no route takes: handlers of plugins, static answers of
 * `breakwater.gateway.fallbacks`, and for any other fallback a plain 503, so that YAML alone gives a working one.
 */
import { STATUS_CODES } from 'node:http'
import type { Exchange, Reply } from '../exchange.ts'
import type { StaticAnswer } from '../options.ts'
import type { LocalHandler } from '../workers/contract.ts'
import type { Plugins } from './plugins.ts'

/** By path; `*` is the answer to every fallback that has none of its own. */
export function localAnswers (fallbacks: readonly StaticAnswer[], plugins: Plugins): Map<string, LocalHandler> {
  const handlers = new Map<string, LocalHandler>([['*', { maxBodyBytes: 0, handle: plainFallback }]])
  for (const answer of fallbacks) handlers.set(answer.path, staticHandler(answer))
  for (const [path, handler] of plugins.handlers) handlers.set(path, handler)
  return handlers
}

/** Every method is answered: the fallback of a POST arrives as a POST. */
function staticHandler (answer: StaticAnswer): LocalHandler {
  const reply: Reply = { status: answer.status, headers: [['content-type', answer.contentType]], body: answer.body }
  return { maxBodyBytes: 0, handle: () => reply }
}

/** 503 for what failed, 404 for a `forward:` that leads nowhere. */
function plainFallback (x: Exchange): Reply {
  const status = x.failure === undefined ? 404 : 503
  return {
    status,
    headers: [['content-type', 'application/json']],
    body: JSON.stringify({
      timestamp: new Date().toISOString(),
      path: x.rawPath,
      status,
      error: STATUS_CODES[status],
      requestId: x.requestId,
      ...x.failure === undefined ? {} : { message: `${x.route.id} is not available: ${x.failure.kind}` }
    })
  }
}
