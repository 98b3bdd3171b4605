/** The data plane as one event loop in this thread: tests, embedding, machines with a single core. */
import type { Listening } from '@breakwater/starter/security'
import { CacheOwner } from '../cache/cache-owner.ts'
import { Clock } from '../clock.ts'
import type { DataPlaneOptions } from '../data-plane-options.ts'
import { sumMetrics } from '../metrics/sum.ts'
import type { CreateCompiler, DataPlane, DataPlaneMetrics, Snapshot, WorkerHost } from './contract.ts'
import { ConnectionCounts } from '../shared/connection-counts.ts'
import { HostedLoop } from './hosted-loop.ts'
import { urlOf } from './url-of.ts'

type EventListener = (topic: string, payload: unknown, worker: number) => void

export class LocalDataPlane implements DataPlane {
  private readonly options: DataPlaneOptions
  private readonly hosted: HostedLoop
  private readonly cache: CacheOwner
  private readonly listeners: EventListener[] = []
  readonly loops = 1
  workersAlive = 0

  constructor (options: DataPlaneOptions, log: WorkerHost['log'], createCompiler: CreateCompiler,
    clock = new Clock()) {
    this.cache = new CacheOwner(() => clock.now())
    this.options = options
    const emit = (topic: string, payload: unknown): void => {
      for (const listener of this.listeners) listener(topic, payload, 0)
    }
    const place = { index: 0, count: 1 }
    const connections = ConnectionCounts.make(options.limits, place)
    this.hosted = new HostedLoop(options, createCompiler, {
      emit, log, place, connections, cache: this.cache.access(place.index)
    }, clock)
  }

  async start (): Promise<{ readonly url: string, readonly port: number }> {
    const port = await this.hosted.start(this.options.port)
    this.workersAlive = 1
    return { url: urlOf(this.options, port), port }
  }

  async apply (snapshot: Snapshot): Promise<void> {
    this.hosted.apply(snapshot)
  }

  async ask (question: string, payload?: unknown): Promise<unknown[]> {
    return [await this.hosted.ask(question, payload)]
  }

  async metrics (): Promise<DataPlaneMetrics> {
    return sumMetrics([this.hosted.metrics()])
  }

  async keepFrom (listening: readonly Listening[]): Promise<void> {
    this.hosted.keepFrom(listening)
  }

  onEvent (listener: EventListener): void {
    this.listeners.push(listener)
  }

  async stop (deadlineMs = 30_000): Promise<void> {
    if (this.workersAlive === 0) return
    this.workersAlive = 0
    await this.hosted.stop(deadlineMs)
    this.cache.stop()
  }
}
