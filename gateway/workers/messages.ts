/** What travels between the control loop and a worker thread: plain data, answered by number. */
import type { Listening } from '@breakwater/starter/security'
import type { DataPlaneOptions } from '../data-plane-options.ts'
import type { CacheFinding, CacheQuestion, Kept } from '../cache/cache-owner.ts'
import type { CacheSelection } from '../cache/selection.ts'
import type { ConnectionCells } from '../shared/connection-counts.ts'
import type { LoopPlace } from '../shared/shared-cells.ts'
import type { DataPlaneMetrics, Snapshot } from './contract.ts'

/** `workerData` of a thread. */
export interface WorkerStart {
  readonly options: DataPlaneOptions
  readonly compilerModule: string
  readonly port: number
  readonly place: LoopPlace
  readonly connections: ConnectionCells
  /** The newest snapshot, for a worker that takes a dead one's place. */
  readonly snapshot: Snapshot | undefined
  readonly listening: readonly Listening[]
}

export type ToWorker =
  | { readonly kind: 'apply', readonly id: number, readonly snapshot: Snapshot }
  | { readonly kind: 'ask', readonly id: number, readonly question: string, readonly payload: unknown }
  | { readonly kind: 'metrics', readonly id: number }
  | { readonly kind: 'cache-found', readonly id: number, readonly finding: CacheFinding }
  | { readonly kind: 'keep-from', readonly id: number, readonly listening: readonly Listening[] }
  | { readonly kind: 'stop', readonly id: number, readonly deadlineMs: number }

export type FromWorker =
  | { readonly kind: 'listening', readonly port: number }
  /** It cannot start. Told in words: what an error is beyond its message does not get out of a thread by itself. */
  | { readonly kind: 'failed', readonly code: string | undefined, readonly message: string }
  | { readonly kind: 'done', readonly id: number, readonly value: unknown }
  | { readonly kind: 'fault', readonly id: number, readonly message: string }
  | { readonly kind: 'event', readonly topic: string, readonly payload: unknown }
  | {
    readonly kind: 'log', readonly level: 'debug' | 'info' | 'warn' | 'error', readonly message: string,
    readonly fields: Readonly<Record<string, unknown>> | undefined
  }
  | { readonly kind: 'cache-look', readonly id: number, readonly question: CacheQuestion }
  | { readonly kind: 'cache-keep', readonly kept: Kept, readonly lease: number }
  | { readonly kind: 'cache-release', readonly lease: number, readonly passes: boolean }
  | { readonly kind: 'cache-forget', readonly selection: CacheSelection }
  | { readonly kind: 'cache-retain', readonly caches: readonly string[] }
  /** Sent unasked every second, so that a worker that dies takes at most a second of counts with it. */
  | { readonly kind: 'counts', readonly metrics: DataPlaneMetrics }
