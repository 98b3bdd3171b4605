/**
 * Active health checks, for services whose balancer configuration is `health-check`: a GET of each instance's health
 * at an interval. What answers anything but 2xx, or not in time, is left out until it answers well again; when none
 * does, all are used, as in Spring.
 */
import type { ClusterState } from './cluster.ts'
import type { InstanceState } from './instance-state.ts'

export interface HealthCheckOptions {
  /** @default /actuator/health */
  readonly path: string
  /** @default 25000 */
  readonly intervalMs: number
}

/** True when the instance is well. `http2`: what the routes to it say of the version it speaks. */
export type HealthCheck = (instance: InstanceState, path: string, http2: boolean | undefined) => Promise<boolean>

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
    const well = await this.#check(one, path, cluster.options.http2)
    one.probing = false
    if (!cluster.instances.includes(one)) return
    if (well && one.ejection === 'health-check') cluster.restore(one, this.#now())
    else if (!well && one.ejection === undefined) cluster.eject(one, 'health-check', this.#now())
  }
}

function sameChecks (a: HealthCheckOptions, b: HealthCheckOptions | undefined): boolean {
  return a.path === b?.path && a.intervalMs === b.intervalMs
}
