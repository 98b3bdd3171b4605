/**
 * The last known instances of every service, and who wants to hear of changes. Lists are immutable and swapped whole,
 * so a reader may keep one as long as it likes. What the source forgets to say goes on being true: an adapter whose
 * source is gone simply stops calling in.
 *
 * A name is a virtual address where instances announce it, as Spring looks services up; else it is a service's own.
 */
import type { InstancesListener, ServiceInstance } from './discovery-client.ts'

const NONE: readonly ServiceInstance[] = Object.freeze([])

/** Every service; a name no service can have. */
export const ALL = '*'

/** Known instances by service, with change notices. One per discovery client. */
export class InstanceTable {
  /** By lower-case name: names are matched without case and shown as they are written. */
  readonly #services = new Map<string, readonly ServiceInstance[]>()
  /** By virtual address: the services that have instances under it, and these instances, of all of them. */
  readonly #announcers = new Map<string, Set<string>>()
  readonly #announced = new Map<string, readonly ServiceInstance[]>()
  readonly #listeners = new Map<string, Set<InstancesListener>>()
  readonly #onListenerError: (failure: unknown) => void

  /** A listener that throws must neither stop the others nor the adapter; it is reported here. */
  constructor (onListenerError: (failure: unknown) => void) {
    this.#onListenerError = onListenerError
  }

  instances (serviceId: string): readonly ServiceInstance[] {
    const key = serviceId.toLowerCase()
    return this.#announced.get(key) ?? this.#services.get(key) ?? NONE
  }

  services (): readonly string[] {
    return Array.from(this.#services, ([key, [first]]) => first?.serviceId ?? key)
  }

  /** All instances of all services. */
  * all (): Iterable<ServiceInstance> {
    for (const list of this.#services.values()) yield * list
  }

  /** The whole truth: services not in it have no instances any more. */
  replaceAll (instances: Iterable<ServiceInstance>): void {
    const next = new Map<string, ServiceInstance[]>()
    for (const instance of instances) {
      const key = instance.serviceId.toLowerCase()
      const list = next.get(key)
      if (list === undefined) next.set(key, [instance])
      else list.push(instance)
    }
    for (const serviceId of this.#services.keys()) if (!next.has(serviceId)) this.replace(serviceId, NONE)
    for (const [serviceId, list] of next) this.replace(serviceId, list)
  }

  /** The whole truth about one service. Nobody is told when it is what was known. */
  replace (serviceId: string, instances: readonly ServiceInstance[]): void {
    const key = serviceId.toLowerCase()
    const next = inOrder(instances)
    const known = this.#services.get(key) ?? NONE
    if (sameLists(known, next)) return
    const names = new Set([...known, ...next].flatMap(instance => instance.names ?? []))
    const before = new Map([key, ...names].map(name => [name, this.instances(name)]))
    if (next.length === 0) this.#services.delete(key)
    else this.#services.set(key, next)
    for (const name of names) this.#announce(name, key, next)
    for (const [name, list] of before) {
      if (!sameLists(list, this.instances(name))) this.#notify(name === key ? this.#shownAs(key, known) : name)
    }
  }

  /** Puts together the instances of all services under one virtual address. */
  #announce (name: string, key: string, instances: readonly ServiceInstance[]): void {
    const services = this.#announcers.get(name) ?? new Set()
    if (instances.some(instance => instance.names?.includes(name))) services.add(key)
    else services.delete(key)
    const lists = [...services].map(service => this.#services.get(service) ?? NONE)
    const found = lists.flatMap(list => list.filter(instance => instance.names?.includes(name)))
    if (found.length === 0) {
      this.#announcers.delete(name)
      this.#announced.delete(name)
    } else {
      this.#announcers.set(name, services)
      this.#announced.set(name, inOrder(found))
    }
  }

  #shownAs (key: string, known: readonly ServiceInstance[]): string {
    return (known[0] ?? this.#services.get(key)?.[0])?.serviceId ?? key
  }

  /** One instance is new or different. */
  put (instance: ServiceInstance): void {
    const others = this.#of(instance.serviceId).filter(other => other.instanceId !== instance.instanceId)
    this.replace(instance.serviceId, [...others, instance])
  }

  /** One instance has gone. */
  remove (serviceId: string, instanceId: string): void {
    this.replace(serviceId, this.#of(serviceId).filter(other => other.instanceId !== instanceId))
  }

  #of (serviceId: string): readonly ServiceInstance[] {
    return this.#services.get(serviceId.toLowerCase()) ?? NONE
  }

  /** See DiscoveryClient.watch. */
  watch (serviceId: string, listener: InstancesListener): () => void {
    const key = serviceId.toLowerCase()
    const listeners = this.#listeners.get(key) ?? new Set()
    this.#listeners.set(key, listeners.add(listener))
    const known = key === ALL ? new Set([...this.#services.keys(), ...this.#announced.keys()]) : [key]
    for (const name of known) this.#call(listener, this.#shownAs(name, NONE))
    return () => {
      listeners.delete(listener)
      if (listeners.size === 0) this.#listeners.delete(key)
    }
  }

  /** Services somebody watches by name. */
  watched (): string[] {
    return [...this.#listeners.keys()].filter(name => name !== ALL)
  }

  #notify (serviceId: string): void {
    for (const key of [serviceId.toLowerCase(), ALL]) {
      for (const listener of this.#listeners.get(key) ?? []) this.#call(listener, serviceId)
    }
  }

  #call (listener: InstancesListener, serviceId: string): void {
    try {
      listener(serviceId, this.instances(serviceId))
    } catch (failure) {
      this.#onListenerError(failure)
    }
  }
}

function inOrder (instances: readonly ServiceInstance[]): readonly ServiceInstance[] {
  const byId = (a: ServiceInstance, b: ServiceInstance): number =>
    a.instanceId < b.instanceId ? -1 : a.instanceId > b.instanceId ? 1 : 0
  return Object.freeze([...instances].sort(byId))
}

function sameLists (a: readonly ServiceInstance[], b: readonly ServiceInstance[]): boolean {
  return a.length === b.length && a.every((instance, at) => sameInstance(instance, b[at] as ServiceInstance))
}

function sameInstance (a: ServiceInstance, b: ServiceInstance): boolean {
  if (a === b) return true
  if (a.instanceId !== b.instanceId || a.host !== b.host || a.port !== b.port || a.secure !== b.secure ||
    a.status !== b.status || a.zone !== b.zone || a.names?.join() !== b.names?.join()) return false
  const keys = Object.keys(a.metadata)
  return keys.length === Object.keys(b.metadata).length && keys.every(key => a.metadata[key] === b.metadata[key])
}
