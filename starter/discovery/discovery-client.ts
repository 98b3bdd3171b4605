/**
 * Where the instances of a service come from. One interface for every profile: the registry's push stream, Eureka
 * polling, Consul, Kubernetes, a fixed list. Reads never wait: they answer from the last known state, and that
 * state outlives its source (a registry that is down must not take the callers with it).
 */

export type InstanceStatus = 'UP' | 'DOWN' | 'STARTING' | 'OUT_OF_SERVICE' | 'UNKNOWN'

/** One running copy of a service. */
export interface ServiceInstance {
  readonly instanceId: string
  /** Lower-case service name as used in `lb://name`. */
  readonly serviceId: string
  /** Other names it is found by, in lower case: Eureka's virtual addresses. None where a source has only one. */
  readonly names?: readonly string[]
  readonly host: string
  readonly port: number
  readonly secure: boolean
  readonly status: InstanceStatus
  readonly zone?: string | undefined
  readonly metadata: Readonly<Record<string, string>>
  /** The operator wrote it into the settings; nobody registered it. */
  readonly written?: boolean | undefined
}

/** Called with the whole new list of a service whenever it changed. */
export type InstancesListener = (serviceId: string, instances: readonly ServiceInstance[]) => void

export interface DiscoveryClient {
  /** What it is, for logs and health: `eureka-stream http://localhost:8761/eureka/`. */
  readonly description: string
  /** Resolves when the first state is known or the deadline passed; never rejects because the source is down. */
  start (): Promise<void>
  stop (): Promise<void>
  /** All known instances of a service, whatever their status; `[]` when unknown. */
  instances (serviceId: string): readonly ServiceInstance[]
  services (): readonly string[]
  /** Watches one service, or every one with `*`; calls back at once with what is known. Returns the unwatch. */
  watch (serviceId: string, listener: InstancesListener): () => void
  /** True while the source answers; false means the last known state is being served. */
  readonly connected: boolean
  /** Sources that are asked name by name (DNS): resolves when this one was asked once; never rejects. */
  ensure? (serviceId: string): Promise<void>
  /** Calls back each time the source is reached again: it may have forgotten who registered. Returns the undoing. */
  onConnect? (listener: () => void): () => void
}

/** Where this process can be reached, known once it listens. */
export interface OwnAddress {
  /** A name or address that others can use. */
  readonly host: string
  readonly ip: string
  readonly port: number
  readonly secure: boolean
  readonly managementPort?: number | undefined
}

/** What a service tells a registry about itself, and the duty to keep it true. */
export interface Registration {
  /** Registers and starts renewing; resolves after the first success or the deadline, then goes on trying. */
  start (): Promise<void>
  setStatus (status: InstanceStatus): Promise<void>
  /** Looks soon whether the registry still knows this process. */
  checkSoon? (): void
  /** Status DOWN, then deregister, each with a deadline. */
  stop (): Promise<void>
}
