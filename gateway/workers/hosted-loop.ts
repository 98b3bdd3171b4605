/** One event loop with its compiler and listener, however it is hosted: in a worker thread or in the main thread. */
import type { DataPlaneOptions } from '../data-plane-options.ts'
import { Listener } from '../listener.ts'
import { Loop } from '../loop.ts'
import type { CreateCompiler, DataPlaneMetrics, Snapshot, WorkerHost } from './contract.ts'

export type HostSide = Pick<WorkerHost, 'log' | 'emit'>

export class HostedLoop {
  readonly loop: Loop
  private readonly listener: Listener

  constructor (options: DataPlaneOptions, createCompiler: CreateCompiler, side: HostSide) {
    this.loop = new Loop(options, side.log)
    this.loop.compiler = createCompiler({ now: () => this.loop.clock.now(), random: Math.random, ...side })
    this.listener = new Listener(this.loop)
  }

  /** Resolves with the port that is listened on. */
  async start (port: number): Promise<number> {
    this.loop.start()
    return await this.listener.listen(port)
  }

  /** Compiles and serves; throws, and goes on with the old table, when it cannot. */
  apply (snapshot: Snapshot): void {
    this.loop.gateway.swap(this.loop.compiler!.compile(snapshot))
  }

  ask (question: string, payload: unknown): unknown {
    return this.loop.compiler!.ask?.(question, payload)
  }

  metrics (): DataPlaneMetrics {
    const { cells, counters, clients, connections } = this.loop
    return {
      requests: cells.list(),
      counters: { ...counters },
      gauges: {
        breakwater_gateway_connections: clients.size,
        breakwater_gateway_upstream_connections: connections.size
      }
    }
  }

  async stop (deadlineMs: number): Promise<void> {
    this.listener.close()
    await this.loop.drain(deadlineMs)
  }
}
