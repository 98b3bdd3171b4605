/** Whether a program can be reached: its port is open, and its health path, where it has one, answers 2xx. */
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

const EVERY_MS = 100
const ANSWER_MS = 2000

export interface Probe {
  readonly port: number
  readonly health: string | undefined
  /** Resolves so long after. */
  readonly thenMs: number
}

/** Resolves when it can be reached; never, when the signal comes first. */
export async function waitUntilReachable ({ port, health, thenMs }: Probe, signal: AbortSignal): Promise<void> {
  const reachable = health === undefined ? () => isOpen({ host: '127.0.0.1', port }) : () => isHealthy(`http://127.0.0.1:${port}${health}`)
  while (!signal.aborted && !await reachable()) await sleep(EVERY_MS, undefined, { signal }).catch(() => {})
  if (thenMs > 0) await sleep(thenMs, undefined, { signal }).catch(() => {})
  if (signal.aborted) await new Promise<never>(() => {})
}

/** Whether somebody listens there. */
export function isOpen (at: { readonly host: string, readonly port: number }): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect({ ...at, timeout: ANSWER_MS })
    const end = (open: boolean): void => {
      socket.destroy()
      resolve(open)
    }
    socket.once('connect', () => { end(true) })
    socket.once('timeout', () => { end(false) })
    socket.once('error', () => { end(false) })
  })
}

async function isHealthy (url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(ANSWER_MS) })
    await response.body?.cancel()
    return response.ok
  } catch {
    return false
  }
}
