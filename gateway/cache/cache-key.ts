import type { Exchange } from '../exchange.ts'
import type { RouteDraft } from '../routes/factory.ts'
import { principalOf } from '../security/principal.ts'

/** Other with each request, whoever calls; conditions are of what the caller has, not of what there is. */
const OF_THE_CALL: ReadonlySet<string> = new Set(['traceparent', 'tracestate', 'x-request-id', 'cache-control', 'pragma',
  'if-none-match', 'if-modified-since'])

/**
 * Whoever calls as somebody else gets another answer: by whatever the route found out (the principal), by a
 * certificate, which instances are told of, and by the fields that carry credentials. What plugins make of a request
 * nobody knows, so that on their routes every field counts that is sent on.
 */
export function cacheKey ({ id, hasPlugins }: RouteDraft, apiKeyHeader: string): (x: Exchange) => string {
  const credentials = ['authorization', 'cookie', apiKeyHeader]
  return x => {
    const principal = principalOf(x)
    const names = hasPlugins ? x.headerNames().filter(name => !OF_THE_CALL.has(name)) : credentials
    return JSON.stringify([id, x.host, x.path, x.query, x.upstreamUri, x.upstreamHost, principal?.kind, principal?.name,
      x.clientCertificate?.hash, names.map(name => [name, x.headerValues(name)])])
  }
}
