/**
 * Open-loop load: a request every so many milliseconds, whether or not the earlier ones were answered, so that a
 * stall shows as latency instead of as fewer requests.
 */
import http from 'node:http'

export interface Sample {
  /** When it was sent, `performance.now()`. */
  readonly atMs: number
  readonly elapsedMs: number
  /** 0: no answer (connection error or nothing within a minute). */
  readonly status: number
}

export interface Load {
  readonly samples: readonly Sample[]
  stop (): Promise<readonly Sample[]>
}

const DEADLINE_MS = 60_000

export function startLoad (url: string, perSecond: number): Load {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 256 })
  const samples: Sample[] = []
  const open = new Set<Promise<void>>()
  const started = performance.now()
  let sent = 0
  const timer = setInterval(() => {
    // A late timer catches up: the rate holds on a busy machine.
    const due = Math.floor((performance.now() - started) * perSecond / 1000)
    for (; sent < due; sent++) {
      const request = send(url, agent).then(sample => { samples.push(sample) })
      open.add(request)
      void request.finally(() => open.delete(request))
    }
  }, 5)
  return {
    samples,
    async stop () {
      clearInterval(timer)
      await Promise.all(open)
      agent.destroy()
      return samples
    }
  }
}

function send (url: string, agent: http.Agent): Promise<Sample> {
  const atMs = performance.now()
  return new Promise(resolve => {
    const done = (status: number) => { resolve({ atMs, elapsedMs: performance.now() - atMs, status }) }
    const request = http.get(url, { agent, timeout: DEADLINE_MS }, response => {
      response.resume().on('end', () => { done(response.statusCode ?? 0) }).on('error', () => { done(0) })
    })
    request.on('timeout', () => request.destroy(new Error('no answer'))).on('error', () => { done(0) })
  })
}

/** The value below which the given share of the samples lies. */
export function percentile (samples: readonly Sample[], share: number): number {
  const sorted = samples.map(sample => sample.elapsedMs).toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}
