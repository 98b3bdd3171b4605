/**
 * The clusters of one worker by service name, fed by the control loop whenever instances change.
 *
 * Also keeps the watch over instances whose connection was refused: each is probed until somebody listens again, so
 * that a restarted process gets traffic within a fraction of a second although the registry never noticed its death.
 */
import type { ServiceInstance } from '@breakwater/starter/discovery'
import { ClusterState, type ClusterOptions } from './cluster.ts'
import { HealthChecks, type HealthCheck } from './health-checks.ts'
import type { EjectionReason, InstanceState } from './instance-state.ts'
import type { Probe } from './probe.ts'
import { RetryBudget, type RetryBudgetOptions } from './retry-budget.ts'

export interface ClusterRegistryHost {
  readonly now: () => number
  readonly random: () => number
  readonly probe: Probe
  readonly check: HealthCheck
  /** An instance came back or is new. */
  readonly recovered: (cluster: ClusterState) => void
  /** This event loop has left an instance out. */
  readonly ejected: (ejection: Ejection) => void
  readonly log: (message: string, fields: Readonly<Record<string, unknown>>) => void
}

/** What the event loops of a gateway tell each other. */
export interface Ejection {
  readonly service: string
  /** Its id. */
  readonly instance: string
  readonly reason: EjectionReason
}

const PROBE_EVERY_MS = 200

export class ClusterRegistry {
  readonly #clusters = new Map<string, ClusterState>()
  readonly #host: ClusterRegistryHost
  readonly #refused = new Map<InstanceState, ClusterState>()
  readonly #checks: HealthChecks
  #optionsOf: (name: string) => ClusterOptions
  #budget: RetryBudgetOptions
  #timer: NodeJS.Timeout | undefined

  constructor (host: ClusterRegistryHost, optionsOf: (name: string) => ClusterOptions, budget: RetryBudgetOptions) {
    this.#host = host
    this.#checks = new HealthChecks(host.check, host.now)
    this.#optionsOf = optionsOf
    this.#budget = budget
  }

  /** New settings, for the clusters there are and those to come. */
  configure (optionsOf: (name: string) => ClusterOptions, budget: RetryBudgetOptions): void {
    this.#optionsOf = optionsOf
    this.#budget = budget
    for (const cluster of this.#clusters.values()) {
      cluster.options = optionsOf(cluster.name)
      this.#checks.follow(cluster)
    }
  }

  /** The cluster of a service, empty until its instances are known. */
  cluster (name: string): ClusterState {
    let cluster = this.#clusters.get(name)
    if (cluster === undefined) {
      cluster = new ClusterState(name, this.#optionsOf(name), new RetryBudget(this.#budget), this.#host.now,
        this.#host.random, {
          ejected: (from, instance, reason, told) => {
            if (reason === 'connect') this.#watch(from, instance)
            if (told) return
            // Not `service`: in a line of the log that is who writes it.
            this.#host.log('instance left out', { cluster: from.name, instance: instance.id, reason })
            // Health checks run in every loop by themselves.
            if (reason !== 'health-check') this.#host.ejected({ service: from.name, instance: instance.id, reason })
          },
          recovered: this.#host.recovered
        })
      this.#clusters.set(name, cluster)
    }
    return cluster
  }

  /** A cluster of one fixed address, for `http://host:port` routes. */
  fixed (host: string, port: number, secure: boolean): ClusterState {
    const name = `${secure ? 'https' : 'http'}://${host}:${port}`
    const cluster = this.cluster(name)
    if (cluster.instances.length === 0) {
      cluster.update([{ instanceId: name, serviceId: name, host, port, secure, status: 'UP', metadata: {}, written: true }])
    }
    return cluster
  }

  /** The retry budget that requests to a route's URI share. */
  budgetOf (uri: string): RetryBudget {
    return this.cluster(clusterName(uri)).budget
  }

  /** Names of services know no case: a registry may shout what a route whispers. */
  update (name: string, instances: readonly ServiceInstance[]): void {
    const cluster = this.cluster(name.toLowerCase())
    cluster.update(instances)
    this.#checks.follow(cluster)
  }

  /** Takes over what another event loop has found out. */
  ejectAlso ({ service, instance, reason }: Ejection): void {
    this.#clusters.get(service)?.ejectAlso(instance, reason, this.#host.now())
  }

  get all (): Iterable<ClusterState> {
    return this.#clusters.values()
  }

  stop (): void {
    this.#checks.stop()
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#refused.clear()
  }

  #watch (cluster: ClusterState, instance: InstanceState): void {
    this.#refused.set(instance, cluster)
    this.#timer ??= setInterval(() => this.#probeAll(), PROBE_EVERY_MS).unref()
  }

  #probeAll (): void {
    for (const [instance, cluster] of this.#refused) {
      if (instance.ejection !== 'connect' || !cluster.instances.includes(instance)) this.#refused.delete(instance)
      else if (!instance.probing) void this.#probe(instance, cluster)
    }
    if (this.#refused.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  async #probe (instance: InstanceState, cluster: ClusterState): Promise<void> {
    instance.probing = true
    const well = await this.#host.probe(instance)
    instance.probing = false
    if (!well || instance.ejection !== 'connect') return
    this.#host.log('instance answers again', { cluster: cluster.name, instance: instance.id })
    cluster.restore(instance, this.#host.now())
  }
}

/** `users` of `lb://users` and `lb:ws://users`; scheme and authority of a fixed address. */
export function clusterName (uri: string): string {
  const lb = /^lb:(?:wss?:)?\/\/([^/?#]+)/i.exec(uri)
  if (lb !== null) return (lb[1] ?? '').toLowerCase()
  if (!/^(https?|wss?):/i.test(uri)) return uri
  const { secure, host, port } = fixedAddress(uri)
  return `${secure ? 'https' : 'http'}://${host}:${port}`
}

/** Host, port and TLS of an absolute URI; its path does not count, as in Spring. */
export function fixedAddress (uri: string): { host: string, port: number, secure: boolean } {
  const url = new URL(uri.replace(/^ws/i, 'http'))
  const secure = url.protocol === 'https:'
  const host = url.hostname.startsWith('[') ? url.hostname.slice(1, -1) : url.hostname
  return { host, secure, port: url.port === '' ? (secure ? 443 : 80) : Number(url.port) }
}
