/**
 * The current request, carried through every await by Node itself, so that log lines and outgoing calls know which
 * request they belong to without anyone passing it along.
 */
import { AsyncLocalStorage } from 'node:async_hooks'

export interface RequestContext {
  readonly requestId: string
  readonly traceId: string
  /** This process's own span of the trace. */
  readonly spanId: string
  /** The caller's span, absent when the trace begins here. */
  readonly parentId: string | undefined
  readonly sampled: boolean
  /** The caller's `tracestate`, passed on unchanged. */
  readonly traceState: string | undefined
  /** On the clock of `performance.now()`: when the caller stops waiting; Infinity when it did not say. */
  readonly deadlineMs: number
}

const storage = new AsyncLocalStorage<RequestContext>()

/** The request being served, or undefined outside of one. */
export function currentContext (): RequestContext | undefined {
  return storage.getStore()
}

/** Runs `work`, and all it starts, as part of a request. */
export function runInContext<T> (context: RequestContext, work: () => T): T {
  return storage.run(context, work)
}
