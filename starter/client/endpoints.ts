/**
 * The instances of one service with what we saw of each ourselves: calls in flight, failures in a row, and until when
 * it is left alone. The registry learns of a dead instance when its lease ends; the first refused connection tells us.
 */
import type { DiscoveryClient, ServiceInstance } from '../discovery/discovery-client.ts'
import { isInZone } from './zone.ts'

/** One instance as this process sees it. */
export interface Endpoint {
  readonly instance: ServiceInstance
  /** `http://127.0.0.1:4001` */
  readonly origin: string
  active: number
  failuresInRow: number
  ejections: number
  ejectedUntilMs: number
}

const FAILURES_TO_EJECT = 5
const FIRST_EJECTION_MS = 1_000
const MAX_EJECTION_MS = 30_000

/** Kept up to date by discovery until closed. */
export class Endpoints {
  readonly #random: () => number
  readonly #zone: string | undefined
  readonly #unwatch: () => void
  #all: readonly Endpoint[] = []
  #up: readonly Endpoint[] = []
  /** Those of the preferred zone; everyone where no zone is preferred. */
  #near: readonly Endpoint[] = []

  constructor (service: string, discovery: DiscoveryClient, random: () => number, zone?: string) {
    this.#random = random
    this.#zone = zone
    this.#unwatch = discovery.watch(service, (_service, instances) => this.#update(instances))
  }

  /** Everyone known, whatever the status. */
  get all (): readonly Endpoint[] {
    return this.#all
  }

  /** Whether the operator wrote the address into the settings. */
  isWritten (origin: string): boolean {
    return this.#all.some(endpoint => endpoint.instance.written === true && new URL(endpoint.origin).origin === origin)
  }

  get upCount (): number {
    return this.#up.length
  }

  /**
   * One of those not tried and not ejected, of the preferred zone if it has any; when all are ejected, one of the
   * ejected: refusing to try at all would be worse. Undefined when all were tried or there are none.
   */
  pick (tried: readonly Endpoint[], nowMs: number): Endpoint | undefined {
    const isFit = (endpoint: Endpoint): boolean => endpoint.ejectedUntilMs <= nowMs && !tried.includes(endpoint)
    return this.#lessBusy(this.#near.filter(isFit)) ??
      (this.#near === this.#up ? undefined : this.#lessBusy(this.#up.filter(isFit))) ??
      this.#lessBusy(this.#up.filter(endpoint => !tried.includes(endpoint)))
  }

  /** The less busy of two drawn at random. */
  #lessBusy (from: readonly Endpoint[]): Endpoint | undefined {
    const first = from[this.#index(from.length)]
    const second = from[this.#index(from.length)]
    if (first === undefined || second === undefined) return undefined
    return second.active < first.active ? second : first
  }

  succeeded (endpoint: Endpoint): void {
    endpoint.failuresInRow = 0
    endpoint.ejections = 0
    endpoint.ejectedUntilMs = 0
  }

  /** A refused connection ejects at once, other failures after some in a row; each ejection doubles in length. */
  failed (endpoint: Endpoint, refused: boolean, nowMs: number): void {
    endpoint.failuresInRow++
    if (!refused && endpoint.failuresInRow < FAILURES_TO_EJECT) return
    endpoint.ejectedUntilMs = nowMs + Math.min(FIRST_EJECTION_MS * 2 ** endpoint.ejections, MAX_EJECTION_MS)
    endpoint.ejections = Math.min(endpoint.ejections + 1, 10)
  }

  close (): void {
    this.#unwatch()
  }

  #index (length: number): number {
    return Math.floor(this.#random() * length)
  }

  /** What we know of an instance survives as long as it keeps its address and stays UP. */
  #update (instances: readonly ServiceInstance[]): void {
    const known = new Map(this.#up.map(endpoint => [endpoint.origin, endpoint]))
    this.#all = instances.map(instance => {
      const origin = originOf(instance)
      const former = known.get(origin)
      const fresh = { instance, origin, active: 0, failuresInRow: 0, ejections: 0, ejectedUntilMs: 0 }
      return former?.instance.instanceId === instance.instanceId ? Object.assign(former, { instance }) : fresh
    })
    this.#up = this.#all.filter(endpoint => endpoint.instance.status === 'UP')
    const zone = this.#zone
    this.#near = zone === undefined ? this.#up : this.#up.filter(endpoint => isInZone(endpoint.instance, zone))
  }
}

function originOf ({ secure, host, port }: ServiceInstance): string {
  return `${secure ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port}`
}
