/**
 * What the registry told us, by application and id, and how each kind of message changes it. Pure: the clock is an
 * argument. Kept beside the instance table because Eureka's hash counts instances that no caller could use.
 */
import type { ServiceInstance } from '../discovery-client.ts'
import { hashOf, instanceIdOf, instancesOf, readInstance } from './instance-json.ts'

interface Entry {
  readonly status: string
  readonly instance: ServiceInstance | undefined
  /** Set when a registry that lost its memory has not confirmed it yet: dropped at that time. */
  readonly keptUntilMs: number | undefined
}

interface DeltaReply {
  readonly applications?: { readonly versions__delta?: unknown, readonly apps__hashcode?: unknown }
}

/** What became of one instance. */
export interface Change {
  readonly serviceId: string
  readonly instanceId: string
  /** As it is now; undefined when it has gone or cannot be called. */
  readonly instance: ServiceInstance | undefined
}

/** A registry that restarted without its snapshot knows nobody; those it forgot are believed for one lease more. */
const KEEP_AFTER_RESTART_MS = 90_000

/** The registry's content as last told. */
export class EurekaState {
  readonly #preferIp: boolean
  #entries = new Map<string, Entry>()
  #epoch: string | undefined

  constructor (preferIp: boolean) {
    this.#preferIp = preferIp
  }

  get size (): number {
    return this.#entries.size
  }

  /** Usable instances. */
  * instances (): Iterable<ServiceInstance> {
    for (const { instance } of this.#entries.values()) if (instance !== undefined) yield instance
  }

  /**
   * A snapshot of the push stream. After a change of epoch (the registry began anew) instances it does not know yet
   * stay for a lease: callers must not lose every service because the registry lost its memory.
   */
  snapshot (instances: readonly unknown[], index: string, nowMs: number): void {
    const epoch = epochOf(index)
    const next = this.#entriesOf(instances)
    if (this.#epoch !== undefined && this.#epoch !== epoch) {
      for (const [key, entry] of this.#entries) {
        if (!next.has(key)) next.set(key, { ...entry, keptUntilMs: entry.keptUntilMs ?? nowMs + KEEP_AFTER_RESTART_MS })
      }
    }
    this.#epoch = epoch
    this.#entries = next
  }

  /** One change of the push stream or of a delta; tells what became of that instance, undefined if nothing did. */
  change (action: string, raw: unknown): Change | undefined {
    const key = keyOf(raw)
    if (key === undefined) return undefined
    if (action === 'DELETED') this.#entries.delete(key)
    else this.#entries.set(key, this.#entryOf(raw))
    return {
      serviceId: (raw as { app: string }).app.toLowerCase(),
      instanceId: key.slice(key.indexOf('/') + 1),
      instance: this.#entries.get(key)?.instance
    }
  }

  /** The whole registry as GET apps tells it. */
  full (reply: unknown): void {
    this.#epoch = undefined
    this.#entries = this.#entriesOf(instancesOf(reply))
  }

  /**
   * Applies the reply of GET apps/delta. False when the result is not what the server has (apps__hashcode differs):
   * the caller must fetch everything.
   */
  delta (reply: unknown): boolean {
    const applications = (reply as DeltaReply | null)?.applications
    if (applications === undefined || String(applications.versions__delta) === '-1') return false
    for (const raw of instancesOf(reply)) {
      const action = (raw as { actionType?: unknown } | null)?.actionType
      this.change(typeof action === 'string' ? action : 'ADDED', raw)
    }
    return hashOf([...this.#entries.values()].map(entry => entry.status)) === applications.apps__hashcode
  }

  /** Drops what a restarted registry never confirmed; the time of the next one to drop, or undefined. */
  sweep (nowMs: number): number | undefined {
    let next: number | undefined
    for (const [key, { keptUntilMs }] of this.#entries) {
      if (keptUntilMs === undefined) continue
      if (keptUntilMs <= nowMs) this.#entries.delete(key)
      else if (next === undefined || keptUntilMs < next) next = keptUntilMs
    }
    return next
  }

  #entriesOf (list: Iterable<unknown>): Map<string, Entry> {
    const entries = new Map<string, Entry>()
    for (const raw of list) {
      const key = keyOf(raw)
      if (key !== undefined) entries.set(key, this.#entryOf(raw))
    }
    return entries
  }

  #entryOf (raw: unknown): Entry {
    const status = (raw as { status?: unknown }).status
    return {
      status: typeof status === 'string' ? status : 'UNKNOWN',
      instance: readInstance(raw, this.#preferIp),
      keptUntilMs: undefined
    }
  }
}

function keyOf (raw: unknown): string | undefined {
  if (typeof raw !== 'object' || raw === null) return undefined
  const app = (raw as { app?: unknown }).app
  const id = instanceIdOf(raw)
  return typeof app === 'string' && id !== undefined ? `${app.toUpperCase()}/${id}` : undefined
}

/** `<epoch>-<n>`: everything before the last dash. */
function epochOf (index: string): string {
  const dash = index.lastIndexOf('-')
  return dash === -1 ? '' : index.slice(0, dash)
}
