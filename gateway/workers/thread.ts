/** One worker thread as the control loop sees it: calls with a deadline, and what it last counted. */
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { BreakwaterError } from '@breakwater/starter/errors'
import type { CacheAccess } from '../cache/cache-owner.ts'
import { NO_METRICS } from '../metrics/sum.ts'
import type { DataPlaneMetrics, WorkerHost } from './contract.ts'
import type { FromWorker, ToWorker, WorkerStart } from './messages.ts'

interface Call {
  readonly resolve: (value: unknown) => void
  readonly reject: (fault: Error) => void
  readonly timer: NodeJS.Timeout
}

type Request = ToWorker extends infer One ? One extends ToWorker ? Omit<One, 'id'> : never : never
type ForCache = Extract<FromWorker, { readonly kind: `cache-${string}` }>

export interface ThreadEvents {
  readonly event: (topic: string, payload: unknown) => void
  readonly log: WorkerHost['log']
  readonly cache: CacheAccess
  readonly exited: (fault: Error | undefined) => void
}

/** Beside this file, in the same language: TypeScript in the checkout, JavaScript in the package. */
const WORKER_FILE = new URL(`./worker${extname(import.meta.url)}`, import.meta.url)

export class Thread {
  metrics: DataPlaneMetrics = NO_METRICS
  /** Resolves with the port it listens on; rejects when it ends before. */
  readonly listening: Promise<number>
  hasListened = false
  private readonly worker: Worker
  private readonly calls = new Map<number, Call>()
  private lastId = 0
  private fault: Error | undefined = undefined

  constructor (start: WorkerStart, events: ThreadEvents) {
    this.worker = new Worker(WORKER_FILE, { workerData: start, stdout: false, stderr: false })
    this.worker.on('error', (fault: Error) => { this.fault ??= fault })
    this.worker.on('message', (message: FromWorker) => this.receive(message, events))
    this.worker.once('exit', () => {
      this.failCalls(new Error('the worker ended'))
      events.exited(this.fault)
    })
    this.listening = new Promise((resolve, reject) => {
      this.worker.on('message', (message: FromWorker) => {
        if (message.kind !== 'listening') return
        this.hasListened = true
        resolve(message.port)
      })
      this.worker.once('exit', () => reject(this.fault ?? new Error('the worker ended before it listened')))
    })
    // Whoever waits for it sees the rejection; a replacement that fails is told by `exited`.
    this.listening.catch(() => {})
  }

  private receive (message: FromWorker, events: ThreadEvents): void {
    if (message.kind === 'counts') this.metrics = message.metrics
    else if (message.kind === 'event') events.event(message.topic, message.payload)
    else if (isForCache(message)) this.consult(message, events.cache)
    else if (message.kind === 'log') events.log(message.level, message.message, message.fields)
    else if (message.kind === 'failed') this.fault = faultOf(message)
    else if (message.kind !== 'listening') {
      const call = this.calls.get(message.id)
      this.calls.delete(message.id)
      clearTimeout(call?.timer)
      if (message.kind === 'done') call?.resolve(message.value)
      else call?.reject(new Error(message.message))
    }
  }

  private consult (message: ForCache, cache: CacheAccess): void {
    if (message.kind === 'cache-keep') cache.keep(message.kept, message.lease)
    else if (message.kind === 'cache-release') cache.release(message.lease, message.passes)
    else if (message.kind === 'cache-forget') cache.forget(message.selection)
    else if (message.kind === 'cache-retain') cache.retain(message.caches)
    else {
      const { id } = message
      // Never rejects: who asks is answered in time.
      void Promise.resolve(cache.look(message.question)).then((finding) => {
        this.worker.postMessage({ kind: 'cache-found', id, finding } satisfies ToWorker)
      })
    }
  }

  /** Rejects when the worker throws, ends, or does not answer in time. */
  async call (request: Request, deadlineMs: number): Promise<unknown> {
    const id = ++this.lastId
    return await new Promise<unknown>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.calls.delete(id)
        reject(new Error(`the worker did not answer "${request.kind}" within ${deadlineMs} ms`))
      }, deadlineMs)
      this.calls.set(id, { resolve, reject, timer })
      this.worker.postMessage({ ...request, id } as ToWorker)
    })
  }

  private failCalls (fault: Error): void {
    for (const call of this.calls.values()) {
      clearTimeout(call.timer)
      call.reject(fault)
    }
    this.calls.clear()
  }

  async terminate (): Promise<void> {
    await this.worker.terminate()
  }
}

function isForCache (message: FromWorker): message is ForCache {
  return message.kind.startsWith('cache-')
}

/** The message of an error of ours already ends with the next step. */
function faultOf ({ code, message }: Extract<FromWorker, { kind: 'failed' }>): Error {
  return code?.startsWith('E_') === true ? new BreakwaterError(code, { text: '%s' }, [message]) : new Error(message)
}
