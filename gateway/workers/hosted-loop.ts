/** One event loop with its compiler and listener, however it is hosted: in a worker thread or in the main thread. */
import type { Listening } from '@breakwater/starter/security'
import type { Clock } from '../clock.ts'
import type { DataPlaneOptions } from '../data-plane-options.ts'
import { Listener } from '../listener.ts'
import { Loop } from '../loop.ts'
import { LoopDelay } from '../metrics/loop-delay.ts'
import { ConnectionCounts, type ConnectionCells } from '../shared/connection-counts.ts'
import { healthCheck } from '../upstream/health-check.ts'
import { tcpProbe } from '../upstream/probe.ts'
import { speaksHttp2 } from '../upstream/pool.ts'
import type { CreateCompiler, DataPlaneMetrics, Snapshot, WorkerHost } from './contract.ts'

export type HostSide = Pick<WorkerHost, 'log' | 'emit' | 'place' | 'cache'> & {
  readonly connections: ConnectionCells
}

export class HostedLoop {
  readonly loop: Loop
  private readonly listener: Listener
  private readonly delay: LoopDelay
  private readonly options: DataPlaneOptions
  private readonly side: HostSide
  private port = 0

  constructor (options: DataPlaneOptions, createCompiler: CreateCompiler, side: HostSide, clock?: Clock) {
    this.options = options
    this.side = side
    this.loop = new Loop(options, side.log, clock)
    this.loop.compiler = createCompiler({
      now: () => this.loop.clock.now(),
      random: Math.random,
      check: (instance, path, said) =>
        healthCheck(instance, path, speaksHttp2(instance, said, this.loop), this.loop.tls, this.loop.destinations),
      probe: instance => tcpProbe(instance, this.loop.destinations),
      ...side
    })
    this.listener = new Listener(this.loop, new ConnectionCounts(side.connections, options.limits, side.place))
    this.delay = new LoopDelay(this.loop.clock.now())
  }

  /** Resolves with the port that is listened on. */
  async start (port: number): Promise<number> {
    await this.trace()
    this.loop.start()
    this.port = await this.listener.listen(port)
    this.keepFrom([])
    return this.port
  }

  /** Nothing is sent to the data port either. */
  keepFrom (others: readonly Listening[]): void {
    this.loop.destinations.keepFrom([{ address: this.options.host, port: this.port }, ...others])
  }

  /** Loaded only where there is a collector: its HTTP client costs every event loop 5 MB. */
  private async trace (): Promise<void> {
    const { tracing } = this.options
    if (tracing === undefined) return
    const { Tracing } = await import('../tracing.ts')
    this.loop.tracing = new Tracing(tracing, (message, fields) => this.side.log('warn', message, fields))
  }

  /** Compiles and serves; throws, and goes on with the old table, when it cannot. */
  apply (snapshot: Snapshot): void {
    this.loop.gateway.swap(this.loop.compiler!.compile(snapshot))
  }

  ask (question: string, payload: unknown): unknown {
    return this.loop.compiler!.ask?.(question, payload)
  }

  metrics (): DataPlaneMetrics {
    const { cells, counters, clients, connections, tracing } = this.loop
    return {
      requests: cells.list(),
      counters: { ...counters, ...(tracing === undefined ? {} : { breakwater_spans_dropped_total: tracing.dropped }) },
      gauges: {
        breakwater_gateway_connections: clients.size,
        breakwater_gateway_event_loop_delay_max_seconds: this.delay.maxSeconds(this.loop.clock.now()),
        breakwater_gateway_upstream_connections: connections.size
      }
    }
  }

  async stop (deadlineMs: number): Promise<void> {
    this.delay.stop()
    this.listener.close()
    await this.loop.drain(deadlineMs)
  }
}
