/** A constant stream of requests that counts what failed. */
import http from 'node:http'

export interface LoadReport {
  readonly sent: number
  /** One line per failure: what and when. */
  readonly failures: readonly string[]
  readonly slowestMs: number
}

export interface LoadOptions {
  readonly url: string
  /** What the service itself answers. */
  readonly status: number
  readonly perSecond: number
  /** False: a new connection for each request, the harder case for a roll-out. */
  readonly keepAlive: boolean
}

/** Starts sending; the returned function stops, waits for what is in flight, and reports. */
export function startLoad (options: LoadOptions): () => Promise<LoadReport> {
  const agent = new http.Agent({ keepAlive: options.keepAlive, maxSockets: 64 })
  const startedAt = performance.now()
  const failures: string[] = []
  const flying = new Set<Promise<void>>()
  let sent = 0
  let slowestMs = 0
  const one = async () => {
    const at = performance.now()
    const fault = await request(options, agent)
    slowestMs = Math.max(slowestMs, performance.now() - at)
    if (fault !== undefined) failures.push(`+${Math.round(at - startedAt)} ms: ${fault}`)
  }
  const timer = setInterval(() => {
    // By the clock, not by ticks: a late timer must not lower the rate.
    const due = Math.floor((performance.now() - startedAt) * options.perSecond / 1000)
    for (; sent < due; sent++) {
      const flight = one().finally(() => flying.delete(flight))
      flying.add(flight)
    }
  }, 10)
  return async () => {
    clearInterval(timer)
    await Promise.all(flying)
    agent.destroy()
    return { sent, failures, slowestMs: Math.round(slowestMs) }
  }
}

/** Undefined, or why it failed: no answer, or another than the service gives. */
function request ({ url, status }: LoadOptions, agent: http.Agent): Promise<string | undefined> {
  return new Promise((resolve) => {
    const call = http.get(url, { agent, timeout: 10_000 }, (response) => {
      response.resume()
      const { statusCode = 0 } = response
      response.once('end', () => resolve(statusCode === status ? undefined : `status ${statusCode}`))
      response.once('error', (error) => resolve(error.message))
    })
    call.once('timeout', () => call.destroy(new Error('no answer within 10 s')))
    call.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
  })
}
