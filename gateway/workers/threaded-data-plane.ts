/**
 * The data plane as worker threads that share one port. A worker that dies is replaced, with the newest snapshot, while
 * the others go on; what it had counted is kept.
 */
import type { Listening } from '@breakwater/starter/security'
import { CacheOwner } from '../cache/cache-owner.ts'
import { Clock } from '../clock.ts'
import type { DataPlaneOptions } from '../data-plane-options.ts'
import { NO_METRICS, sumMetrics } from '../metrics/sum.ts'
import { ConnectionCounts, type ConnectionCells } from '../shared/connection-counts.ts'
import type { DataPlane, DataPlaneMetrics, Snapshot, WorkerHost } from './contract.ts'
import { Thread } from './thread.ts'
import { urlOf } from './url-of.ts'

type EventListener = (topic: string, payload: unknown, worker: number) => void

/** A control question is about memory of the worker: one that takes longer is stuck. */
const ASK_DEADLINE_MS = 1_000
/** Compiling thousands of routes takes a moment. */
const APPLY_DEADLINE_MS = 10_000
const TERMINATE_GRACE_MS = 1_000
/** A worker that dies at once, again and again, must not keep the machine busy with its births. */
const REBIRTH_DELAYS_MS: readonly number[] = [0, 100, 500, 1_000, 5_000]
/** A worker that lived this long died of something else than its start. */
const HEALTHY_LIFE_MS = 30_000

export class ThreadedDataPlane implements DataPlane {
  private readonly options: DataPlaneOptions
  private readonly log: WorkerHost['log']
  private readonly compilerModule: string
  private readonly connections: ConnectionCells
  private readonly cache: CacheOwner
  private readonly threads: Array<Thread | undefined> = []
  private readonly deaths: number[] = []
  private readonly listeners: EventListener[] = []
  private snapshot: Snapshot | undefined = undefined
  private listening: readonly Listening[] = []
  private port = 0
  private started = false
  private stopping = false
  /** Counts of workers that are gone. */
  private retired: DataPlaneMetrics = NO_METRICS

  constructor (options: DataPlaneOptions, log: WorkerHost['log'], compilerModule: string) {
    // Without SO_REUSEPORT there can be one worker only.
    this.options = options.reusePort ? options : { ...options, workers: 1 }
    this.connections = ConnectionCounts.make(options.limits, { index: 0, count: this.loops })
    const clock = new Clock()
    this.cache = new CacheOwner(() => clock.now())
    this.log = log
    this.compilerModule = compilerModule
  }

  get loops (): number {
    return this.options.workers
  }

  get workersAlive (): number {
    return this.threads.filter((thread) => thread !== undefined).length
  }

  /** The first worker finds the port (which may be 0), the others join it. */
  async start (): Promise<{ readonly url: string, readonly port: number }> {
    this.port = this.options.port
    try {
      this.port = await this.spawn(0).listening
      const rest = Array.from({ length: this.options.workers - 1 }, (_, at) => this.spawn(at + 1).listening)
      await Promise.all(rest)
      this.started = true
    } catch (fault) {
      await this.stop(0)
      throw fault
    }
    return { url: urlOf(this.options, this.port), port: this.port }
  }

  private spawn (index: number): Thread {
    const bornMs = performance.now()
    const { options, compilerModule, port, snapshot, listening } = this
    const place = { index, count: this.loops }
    const start = { options, compilerModule, port, snapshot, listening, place, connections: this.connections }
    const thread = new Thread(start, {
      event: (topic, payload) => this.emit(topic, payload, index),
      log: this.log,
      cache: this.cache.access(index),
      exited: (fault) => this.replace(index, thread, fault, performance.now() - bornMs)
    })
    this.threads[index] = thread
    return thread
  }

  private replace (index: number, thread: Thread, fault: Error | undefined, lifeMs: number): void {
    if (this.threads[index] !== thread) return
    this.threads[index] = undefined
    this.giveBack(index)
    this.retired = { ...sumMetrics([this.retired, thread.metrics]), gauges: {} }
    // What fails at the start fails the start.
    if (this.stopping || !(this.started || thread.hasListened)) return
    const message = fault === undefined ? 'it ended' : fault.message
    this.log('error', `data-plane worker ${index} died and is replaced: ${message}`)
    this.deaths[index] = lifeMs > HEALTHY_LIFE_MS ? 0 : (this.deaths[index] ?? 0) + 1
    const delayMs = REBIRTH_DELAYS_MS[Math.min(this.deaths[index], REBIRTH_DELAYS_MS.length) - 1] ?? 0
    setTimeout(() => {
      if (!this.stopping) this.spawn(index)
    }, delayMs)
  }

  /** What the loop at that place held is free again; what the compilers share is the control loop's to give back. */
  private giveBack (index: number): void {
    new ConnectionCounts(this.connections, this.options.limits, { index, count: this.loops }).giveBack(index)
    this.cache.ended(index)
    this.emit('loop-ended', undefined, index)
  }

  private emit (topic: string, payload: unknown, worker: number): void {
    for (const listener of this.listeners) listener(topic, payload, worker)
  }

  private alive (): Thread[] {
    return this.threads.filter((thread) => thread !== undefined)
  }

  async apply (snapshot: Snapshot): Promise<void> {
    const former = this.snapshot
    this.snapshot = snapshot
    const outcomes = await Promise.allSettled(
      this.alive().map((thread) => thread.call({ kind: 'apply', snapshot }, APPLY_DEADLINE_MS)))
    const failed = outcomes.find((outcome) => outcome.status === 'rejected')
    if (failed === undefined) return
    // A worker born later must get what the others serve.
    if (outcomes.every((outcome) => outcome.status === 'rejected')) this.snapshot = former
    throw failed.reason
  }

  async ask (question: string, payload?: unknown): Promise<unknown[]> {
    return await this.answers((thread) => thread.call({ kind: 'ask', question, payload }, ASK_DEADLINE_MS))
  }

  private async answers (call: (thread: Thread) => Promise<unknown>): Promise<unknown[]> {
    const outcomes = await Promise.allSettled(this.alive().map(call))
    return outcomes.flatMap((outcome) => outcome.status === 'fulfilled' ? [outcome.value] : [])
  }

  async keepFrom (listening: readonly Listening[]): Promise<void> {
    this.listening = listening
    await Promise.all(this.alive().map((thread) => thread.call({ kind: 'keep-from', listening }, APPLY_DEADLINE_MS)))
  }

  async metrics (): Promise<DataPlaneMetrics> {
    await Promise.all(this.alive().map(async (thread) => {
      try {
        thread.metrics = await thread.call({ kind: 'metrics' }, ASK_DEADLINE_MS) as DataPlaneMetrics
      } catch {
        // Its last counts stand in for it: a counter must not go backwards because a worker is busy.
      }
    }))
    return sumMetrics([this.retired, ...this.alive().map((thread) => thread.metrics)])
  }

  onEvent (listener: EventListener): void {
    this.listeners.push(listener)
  }

  async stop (deadlineMs = 30_000): Promise<void> {
    this.stopping = true
    await Promise.all(this.alive().map(async (thread) => {
      try {
        thread.metrics = await thread.call({ kind: 'stop', deadlineMs }, deadlineMs + TERMINATE_GRACE_MS) as DataPlaneMetrics
      } catch {
        // Stuck or dead: ended below.
      }
      await thread.terminate()
    }))
    this.cache.stop()
  }
}
