import { instanceKey, type Instance } from './instance.ts'
import { namesOf } from './vips.ts'

/** The last thing that happened to one instance. */
export interface Change {
  /** Position in the log, growing by one with every change. */
  readonly n: number
  readonly at: number
  readonly instance: Instance
  /** Names that it had since it registered first and has no more: who follows one of these has to drop it. */
  readonly left: ReadonlySet<string> | undefined
}

interface Entry extends Change {
  older: Entry | undefined
  newer: Entry | undefined
}

/**
 * What changed, newest last, with one entry per instance: an older entry goes when a newer one of the same instance
 * comes. So a reader that fell behind catches up with as many changes as there are instances, never more, and the
 * log cannot grow by churn. Entries of living instances stay for ever; those of removed ones go after a while, and
 * a reader older than the newest of these (`horizon`) must take a snapshot.
 */
export class ChangeLog {
  #n = 0
  #horizon = 0
  #horizonAt = -Infinity
  #newest: Entry | undefined
  readonly #byKey = new Map<string, Entry>()
  readonly #removed = new Map<string, Entry>()
  readonly #maxRemoved: number

  constructor (maxRemoved: number) {
    this.#maxRemoved = maxRemoved
  }

  /** The position of the newest change; 0 before the first. */
  get n (): number {
    return this.#n
  }

  /** Lets the log of an empty book begin after position `n`: what came before is not known here. */
  startAt (n: number): void {
    this.#n = n
    this.#horizon = n
  }

  /** Declares that nothing before the newest change is known. */
  seal (): void {
    this.#horizon = this.#n
  }

  append (instance: Instance, at: number, key = instanceKey(instance.app, instance.id)): Change {
    const old = this.#byKey.get(key)
    if (old !== undefined) this.#unlink(key, old)
    const left = old === undefined ? undefined : namesLeft(old, instance)
    const entry: Entry = { n: ++this.#n, at, instance, left, older: this.#newest, newer: undefined }
    if (this.#newest !== undefined) this.#newest.newer = entry
    this.#newest = entry
    this.#byKey.set(key, entry)
    if (instance.action === 'DELETED') this.#bury(key, entry)
    return entry
  }

  /** Whether everything after position `n` is still known. */
  covers (n: number): boolean {
    return n >= this.#horizon && n <= this.#n
  }

  /** Changes after position `n`, oldest first; undefined when some of them are forgotten or `n` never was. */
  since (n: number): Change[] | undefined {
    return this.covers(n) ? this.#collect(entry => entry.n > n) : undefined
  }

  /** Changes at or after a time, oldest first: what Eureka calls the delta. Undefined when some are forgotten. */
  sinceTime (at: number): Change[] | undefined {
    return this.#horizonAt >= at ? undefined : this.#collect(entry => entry.at >= at)
  }

  /** The newest changes, newest first. */
  newest (count: number): Change[] {
    const changes: Change[] = []
    let entry = this.#newest
    for (; entry !== undefined && changes.length < count; entry = entry.older) changes.push(entry)
    return changes
  }

  /** Forgets removed instances whose removal is older than `at`. */
  forget (at: number): void {
    for (const [key, entry] of this.#removed) {
      if (entry.at >= at) return
      this.#drop(key, entry)
    }
  }

  #collect (wanted: (entry: Entry) => boolean): Change[] {
    const changes: Change[] = []
    for (let entry = this.#newest; entry !== undefined && wanted(entry); entry = entry.older) changes.push(entry)
    return changes.reverse()
  }

  #bury (key: string, entry: Entry): void {
    this.#removed.set(key, entry)
    if (this.#removed.size <= this.#maxRemoved) return
    const [first] = this.#removed
    if (first !== undefined) this.#drop(...first)
  }

  #drop (key: string, entry: Entry): void {
    this.#unlink(key, entry)
    if (entry.n <= this.#horizon) return
    this.#horizon = entry.n
    this.#horizonAt = entry.at
  }

  #unlink (key: string, entry: Entry): void {
    this.#byKey.delete(key)
    this.#removed.delete(key)
    if (entry.older !== undefined) entry.older.newer = entry.newer
    if (entry.newer === undefined) this.#newest = entry.older
    else entry.newer.older = entry.older
  }
}

/** Hardly anybody changes its names, so most entries have no set. */
function namesLeft ({ instance: before, left }: Change, now: Instance): Change['left'] {
  const same = before.vipAddress === now.vipAddress && before.secureVipAddress === now.secureVipAddress
  if (same) return left
  const names = new Set([...left ?? [], ...namesOf(before)])
  for (const name of namesOf(now)) names.delete(name)
  return names.size === 0 ? undefined : names
}
