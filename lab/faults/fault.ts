/** What a fault is, and how it is seen to bite. */
import type { Random } from '@breakwater/messaging/testing'
import type { LabProcess } from '../platform/lab-process.ts'
import type { Platform } from '../platform/platform.ts'

export interface Fault {
  readonly name: string
  /** How often it is chosen, against the others. */
  readonly weight: number
  /** False where this machine or platform does not allow it. Default: always. */
  possible? (platform: Platform): boolean
  /** Harms, mends, and tells whether its effect was seen: a fault that does nothing proves nothing. */
  run (platform: Platform, random: Random): Promise<boolean>
}

const PROBE_MS = 400

/** Two faults may want the same process; it is started by whoever comes last and finds it down. */
export async function comeBack (platform: Platform, name: string, extra: readonly string[] = []): Promise<void> {
  const one = platform.process(name)
  // One that is killed while it starts is a fault too; the next start is what counts.
  if (!one.running) await one.start(extra).catch(() => {})
}

/** Whether the process gives no answer to anybody. */
export async function isSilent (one: LabProcess): Promise<boolean> {
  return fetch(one.url, { signal: AbortSignal.timeout(PROBE_MS) }).then(() => false, () => true)
}

/** Whether the service says that its store takes no writes. */
export async function storeIsDown (one: LabProcess): Promise<boolean> {
  const answer = await fetch(`${one.url}/actuator/health`, { signal: AbortSignal.timeout(5000) }).catch(() => undefined)
  if (answer === undefined) return false
  const { components } = await answer.json() as { components?: { store?: { status: string } } }
  return components?.store?.status === 'DOWN'
}

/** Resolves with true as soon as the condition holds, with false when the time is up. */
export async function seen (condition: () => boolean | Promise<boolean>, ms: number): Promise<boolean> {
  const deadline = performance.now() + ms
  for (;;) {
    if (await condition()) return true
    if (performance.now() > deadline) return false
    await new Promise(resolve => { setTimeout(resolve, 50) })
  }
}
