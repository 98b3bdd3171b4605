/**
 * What a user adds to a Node gateway to have what ours has on: a JSON access log in a file (pino, in batches), a
 * Prometheus histogram by route and status (prom-client), a trace id for the upstream, 100 routes and a breaker
 * (opossum, with all that makes it slow switched off). Retry is what the peer brings itself.
 */
import { randomBytes } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import CircuitBreaker from 'opossum'
import { pino } from 'pino'
import { Histogram } from 'prom-client'

const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** As many as ours has; the last one takes what the others leave. */
export const PREFIXES = [...Array.from({ length: 99 }, (_, at) => `/service-${at}`), '/']

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
  /** False while the breaker is open; otherwise it watches how the answer ends. */
  readonly allows: (response: ServerResponse) => boolean
}

/** Undefined without a file: the bare peer. */
export function extras (file: string | undefined): Extras | undefined {
  if (file === undefined) return undefined
  const log = pino(pino.destination({ dest: file, minLength: 8_192, sync: false }))
  const labelNames = ['route', 'method', 'status']
  const histogram = new Histogram({ name: 'requests_seconds', help: 'Finished requests', labelNames, buckets: BUCKETS })
  const lean = { timeout: false, rollingPercentilesEnabled: false, enableSnapshots: false } as const
  const breaker = new CircuitBreaker(ended, lean)
  return {
    allows (response) {
      if (breaker.opened) return false
      // How it ended is counted; whoever asked has had the answer.
      breaker.fire(response).catch(() => {})
      return true
    },
    record (request) {
      histogram.observe({ route: 'bench', method: request.method, status: request.status }, request.ms / 1000)
      log.info(request, 'request')
    },
    traceparent: () => `00-${randomBytes(16).toString('hex')}-${randomBytes(8).toString('hex')}-01`
  }
}

/** A breaker's call: over when the answer is, failed when that is a 5xx or broke off. */
async function ended (response: ServerResponse): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    response.once('close', () => {
      if (response.writableFinished && response.statusCode < 500) resolve()
      else reject(new Error('failed'))
    })
  })
}
