import type { Logger } from 'pino'
import type { Replication } from '../peers/replication.ts'
import { instanceKey, type Instance } from '../registry/instance.ts'
import type { BackendWriter } from './backend.ts'

interface Job {
  readonly kind: 'put' | 'renew' | 'remove'
  readonly instance: Instance
}

export interface WriteThroughOptions {
  readonly writer: BackendWriter
  /** The instance as it is now; undefined when it is gone. */
  readonly find: (app: string, id: string) => Instance | undefined
  readonly log: Logger | undefined
}

const CONCURRENCY = 16
const FIRST_RETRY_MS = 200
const MAX_RETRY_MS = 10_000

/**
 * Carries what clients say to the back end, behind their answers: a source that is slow or away delays nobody. Of
 * each instance only the newest word waits, and words of one instance never overtake each other. A word that the
 * source refuses is repeated, less and less often, until a newer one replaces it or the instance is gone.
 */
export class WriteThrough {
  readonly #options: WriteThroughOptions
  readonly #waiting = new Map<string, Job>()
  readonly #running = new Set<string>()
  #retryMs = FIRST_RETRY_MS
  #pause: NodeJS.Timeout | undefined
  #stopped = false
  #failing = false

  constructor (options: WriteThroughOptions) {
    this.#options = options
  }

  /** How many instances have a word waiting. */
  get size (): number {
    return this.#waiting.size + this.#running.size
  }

  tell ({ action, app, id, instance }: Replication): void {
    const key = instanceKey(app, id)
    const kind = action === 'Cancel' ? 'remove' : action === 'Heartbeat' ? 'renew' : 'put'
    // A renewal says nothing that a waiting registration does not say, too.
    if (kind === 'renew' && this.#waiting.has(key)) return
    this.#waiting.delete(key)
    this.#waiting.set(key, { kind, instance })
    this.#go()
  }

  stop (): void {
    this.#stopped = true
    clearTimeout(this.#pause)
    this.#waiting.clear()
  }

  #go (): void {
    if (this.#pause !== undefined || this.#stopped) return
    for (const [key, job] of this.#waiting) {
      if (this.#running.size >= CONCURRENCY) return
      if (this.#running.has(key)) continue
      this.#waiting.delete(key)
      this.#running.add(key)
      void this.#run(key, job)
    }
  }

  async #run (key: string, job: Job): Promise<void> {
    try {
      await this.#do(job)
      this.#retryMs = FIRST_RETRY_MS
      if (this.#failing) this.#options.log?.info('the back end takes changes again')
      this.#failing = false
    } catch (failure) {
      this.#failed(key, job, failure)
    } finally {
      this.#running.delete(key)
      this.#go()
    }
  }

  async #do ({ kind, instance }: Job): Promise<void> {
    const { writer, find } = this.#options
    if (kind === 'put') return writer.put(instance)
    if (kind === 'remove') return writer.remove(instance)
    if (await writer.renew(instance)) return
    // The source forgot it; we have not.
    const known = find(instance.app, instance.id)
    if (known !== undefined) await writer.put(known)
  }

  #failed (key: string, job: Job, failure: unknown): void {
    if (!this.#failing) this.#options.log?.warn({ reason: (failure as Error).message }, 'the back end cannot be written to, trying again')
    this.#failing = true
    // A lost renewal is made good by the next one.
    if (job.kind !== 'renew' && !this.#waiting.has(key) && !this.#stopped) this.#waiting.set(key, job)
    if (this.#pause !== undefined || this.#stopped) return
    this.#pause = setTimeout(() => {
      this.#pause = undefined
      this.#go()
    }, this.#retryMs)
    this.#retryMs = Math.min(2 * this.#retryMs, MAX_RETRY_MS)
  }
}
