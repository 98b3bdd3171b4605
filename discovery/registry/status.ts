import type { Status } from './instance.ts'

/**
 * Which status an instance gets when a client or a peer reports one; the first rule that matches wins
 * (Eureka's `InstanceStatusOverrideRule` chain without its AWS rule).
 */
export function resolveStatus (
  own: Status, override: Status | undefined, existing: Status | undefined, replicated: boolean
): Status {
  // A copy that says it is not ready knows better than any override.
  if (!isReady(own)) return own
  if (override !== undefined) return override
  // A client that registers again must not undo by accident what an operator has set on the living lease.
  if (!replicated && (existing === 'UP' || existing === 'OUT_OF_SERVICE')) return existing
  return own
}

/** Whether an instance could serve, were it not for what an operator has set. */
export function isReady (own: Status): boolean {
  return own === 'UP' || own === 'OUT_OF_SERVICE'
}

/** Instances per status, kept as counters so that the hash does not depend on the registry's size. */
export class StatusCounter {
  readonly #counts = new Map<Status, number>()

  add (status: Status, by: 1 | -1): void {
    this.#counts.set(status, (this.#counts.get(status) ?? 0) + by)
  }

  count (status: Status): number {
    return this.#counts.get(status) ?? 0
  }

  /** Eureka's reconcile hash: `DOWN_1_UP_4_`, names ascending, empty for an empty registry. */
  hash (): string {
    let hash = ''
    for (const status of [...this.#counts.keys()].sort()) {
      const count = this.count(status)
      if (count > 0) hash += `${status}_${count}_`
    }
    return hash
  }
}

/** The same hash over any list of instances, for filtered answers. */
export function hashOf (instances: Iterable<{ readonly status: Status }>): string {
  const counter = new StatusCounter()
  for (const instance of instances) counter.add(instance.status, 1)
  return counter.hash()
}
