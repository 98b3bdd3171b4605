/** The owner of the cache as a worker thread sees it: messages to the thread where it is. */
import { LONGEST_WAIT_MS, PASS, type CacheAccess, type CacheFinding, type CacheQuestion } from '../cache/cache-owner.ts'
import type { CacheSelection } from '../cache/selection.ts'
import type { FromWorker } from './messages.ts'

/** Beyond the owner's own patience: then the owner is stuck, and the request goes on alone. */
const DEADLINE_MS = LONGEST_WAIT_MS + 1_000

export class RemoteCache implements CacheAccess {
  readonly #tell: (message: FromWorker) => void
  readonly #asked = new Map<number, (finding: CacheFinding) => void>()
  #lastId = 0

  constructor (tell: (message: FromWorker) => void) {
    this.#tell = tell
  }

  look (question: CacheQuestion): Promise<CacheFinding> {
    const id = ++this.#lastId
    return new Promise(resolve => {
      const timer = setTimeout(() => this.found(id, PASS), DEADLINE_MS).unref()
      this.#asked.set(id, finding => {
        clearTimeout(timer)
        resolve(finding)
      })
      this.#tell({ kind: 'cache-look', id, question })
    })
  }

  /** The owner's answer; one that comes too late finds nobody. */
  found (id: number, finding: CacheFinding): void {
    const resolve = this.#asked.get(id)
    this.#asked.delete(id)
    if (resolve !== undefined) resolve(finding)
    else if (finding.kind === 'lead') this.release(finding.lease, false)
  }

  keep (...[kept, lease]: Parameters<CacheAccess['keep']>): void {
    this.#tell({ kind: 'cache-keep', kept, lease })
  }

  release (lease: number, passes: boolean): void {
    this.#tell({ kind: 'cache-release', lease, passes })
  }

  forget (selection: CacheSelection): void {
    this.#tell({ kind: 'cache-forget', selection })
  }

  retain (caches: readonly string[]): void {
    this.#tell({ kind: 'cache-retain', caches })
  }
}
