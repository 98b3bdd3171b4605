/** One place of the stack: what shall run there, what runs there now, and how it went so far. */
import { openLogFile, type LogFile } from './log-file.ts'
import type { ManagedProcess } from './managed-process.ts'
import type { ProcessSpec } from './process-spec.ts'
import type { StandIn } from './stand-in.ts'

export type ProcessState = 'WAITING' | 'STARTING' | 'UP' | 'RESTART' | 'FAILED' | 'STOPPING' | 'STOPPED'

/** What the views show of one process. */
export interface ProcessStatus {
  readonly name: string
  readonly service: string
  readonly state: ProcessState
  readonly url: string | undefined
  readonly management: string | undefined
  /** Where its health can be asked; undefined: being up is all that is known of it. */
  readonly health: string | undefined
  readonly pid: number | undefined
  readonly sinceMs: number
  readonly restarts: number
  readonly note: string
}

export interface Slot {
  readonly spec: ProcessSpec
  readonly log: LogFile
  status: ProcessStatus
  process: ManagedProcess | undefined
  /** The port it got, kept over restarts so that nobody must learn a new address; 0 before. */
  port: number
  quickExits: number
  timer: NodeJS.Timeout | undefined
  standIn: Promise<StandIn | undefined> | undefined
  /** It is ended to be started anew: its exit is no crash. */
  renewing: boolean
}

export function openSlot (spec: ProcessSpec, logFolder: string): Slot {
  const status: ProcessStatus = {
    name: spec.name,
    service: spec.service,
    state: 'WAITING',
    url: undefined,
    management: undefined,
    health: undefined,
    pid: undefined,
    sinceMs: Date.now(),
    restarts: 0,
    note: spec.dependsOn.length === 0 ? '' : `waits for ${spec.dependsOn.join(', ')}`
  }
  return {
    spec, log: openLogFile(logFolder, spec.name), status, process: undefined, port: spec.port, quickExits: 0,
    timer: undefined, standIn: undefined, renewing: false
  }
}

/** Runs `step` for every slot as soon as the steps of those it names are done; slots are given in such an order. */
export async function inOrder (slots: readonly Slot[], names: (slot: Slot) => readonly string[],
  step: (slot: Slot) => Promise<void>): Promise<void> {
  const done = new Map<string, Promise<void>>()
  for (const slot of slots) {
    const before = names(slot).flatMap(name => done.get(name) ?? [])
    done.set(slot.spec.name, Promise.all(before).then(() => step(slot)))
  }
  await Promise.all(done.values())
}
