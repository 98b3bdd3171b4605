/**
 * Active health checks, for services whose balancer configuration is `health-check`: a GET of each instance's health
 * at an interval. What answers anything but 2xx, or not in time, is left out until it answers well again; when none
 * does, all are used, as in Spring.
 */
import { get } from 'node:http'
import { get as getSecure } from 'node:https'
import type { ClusterState } from './cluster.ts'
import type { InstanceState } from './instance-state.ts'

export interface HealthCheckOptions {
  /** @default /actuator/health */
  readonly path: string
  /** @default 25000 */
  readonly intervalMs: number
}

/** True when the instance answers 2xx. */
export type HealthCheck = (instance: InstanceState, path: string) => Promise<boolean>

const DEADLINE_MS = 2_000

/** Asks over a connection of its own: a pool that works must not vouch for a server that does not. */
export function httpHealthCheck (instance: InstanceState, path: string): Promise<boolean> {
  return new Promise(resolve => {
    const options = { host: instance.host, port: instance.port, path, agent: false, timeout: DEADLINE_MS } as const
    const request = (instance.secure ? getSecure : get)(options, response => {
      response.resume()
      const status = response.statusCode ?? 0
      resolve(status >= 200 && status < 300)
    })
    request.on('timeout', () => request.destroy())
    request.on('error', () => resolve(false))
  })
}

export class HealthChecks {
  readonly #check: HealthCheck
  readonly #now: () => number
  readonly #timers = new Map<ClusterState, { timer: NodeJS.Timeout, options: HealthCheckOptions }>()

  constructor (check: HealthCheck, now: () => number) {
    this.#check = check
    this.#now = now
  }

  /** Begins, goes on, or ends, as the cluster's options say now. */
  follow (cluster: ClusterState): void {
    const wanted = cluster.options.balancer.healthCheck
    const running = this.#timers.get(cluster)
    if (running !== undefined && sameChecks(running.options, wanted)) return
    clearInterval(running?.timer)
    this.#timers.delete(cluster)
    if (wanted === undefined) return
    const timer = setInterval(() => this.#round(cluster, wanted.path), wanted.intervalMs).unref()
    this.#timers.set(cluster, { timer, options: wanted })
    this.#round(cluster, wanted.path)
  }

  stop (): void {
    for (const { timer } of this.#timers.values()) clearInterval(timer)
    this.#timers.clear()
  }

  #round (cluster: ClusterState, path: string): void {
    for (const one of cluster.instances) void this.#one(cluster, one, path)
  }

  /** A check that outlasts its interval is not joined by another: probing guards it. */
  async #one (cluster: ClusterState, one: InstanceState, path: string): Promise<void> {
    if (one.probing) return
    one.probing = true
    const well = await this.#check(one, path)
    one.probing = false
    if (!cluster.instances.includes(one)) return
    if (well && one.ejection === 'health-check') cluster.restore(one, this.#now())
    else if (!well && one.ejection === undefined) cluster.eject(one, 'health-check', this.#now())
  }
}

function sameChecks (a: HealthCheckOptions, b: HealthCheckOptions | undefined): boolean {
  return a.path === b?.path && a.intervalMs === b.intervalMs
}
