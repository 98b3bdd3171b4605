import type { Instance } from '../registry/instance.ts'

/**
 * Where the book is kept when not in this process alone. The registry always answers from its own memory; a back end
 * fills that memory from its source (Consul's catalog, Kubernetes' EndpointSlices) and, if it can be written to,
 * carries the clients' words there. Its source being away must not empty what is known.
 */
export interface Backend {
  /** `consul http://127.0.0.1:8500`, for the log, the page and health. */
  readonly description: string
  /** True while the source answers; false means that the last known state is served. */
  readonly connected: boolean
  /** What clients' changes are handed to; undefined when the source cannot be changed through the registry. */
  readonly writer: BackendWriter | undefined
  /**
   * Begins to fill the view and goes on until `stop`. Resolves when the first state is in the view or a deadline has
   * passed; never rejects because the source is away.
   */
  start (view: BackendView): Promise<void>
  stop (): Promise<void>
}

/** The registry's memory as a back end sees it. */
export interface BackendView {
  /**
   * The instances that the source has of one application, all of them: those that it had before and has no more are
   * removed, those that did not change are left alone (no change is pushed). They have no lease that could run out.
   */
  replace (app: string, instances: readonly Instance[]): void
  /** The names of the applications that were filled by `replace` and are not empty. */
  apps (): readonly string[]
}

/** Carries what clients say to the source. Each call has its own deadline and rejects when the source refused. */
export interface BackendWriter {
  /** A new instance or a changed one (status, override, metadata). */
  put (instance: Instance): Promise<void>
  /** A renewal; false when the source does not know the instance and wants it `put` again. */
  renew (instance: Instance): Promise<boolean>
  remove (instance: Instance): Promise<void>
}
