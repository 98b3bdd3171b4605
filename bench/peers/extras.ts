/**
 * What a user adds to a Node gateway to have what ours has on: a JSON access log in a file (pino, in batches), a
 * Prometheus histogram by route and status (prom-client) and a trace id for the upstream. Breaker and retry are left
 * out, in favour of the peer.
 */
import { randomBytes } from 'node:crypto'
import { pino } from 'pino'
import { Histogram } from 'prom-client'

const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

interface Finished {
  readonly method: string
  readonly url: string
  readonly remote: string
  readonly status: number
  readonly ms: number
}

export interface Extras {
  readonly record: (request: Finished) => void
  readonly traceparent: () => string
}

/** Undefined without a file: the bare peer. */
export function extras (file: string | undefined): Extras | undefined {
  if (file === undefined) return undefined
  const log = pino(pino.destination({ dest: file, minLength: 8_192, sync: false }))
  const labelNames = ['route', 'method', 'status']
  const histogram = new Histogram({ name: 'requests_seconds', help: 'Finished requests', labelNames, buckets: BUCKETS })
  return {
    record (request) {
      histogram.observe({ route: 'bench', method: request.method, status: request.status }, request.ms / 1000)
      log.info(request, 'request')
    },
    traceparent: () => `00-${randomBytes(16).toString('hex')}-${randomBytes(8).toString('hex')}-01`
  }
}
