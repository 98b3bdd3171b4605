/**
 * Brings the stack up in dependency order, keeps it up, and takes it down.
 *
 * Start: a process is launched when everything it depends on is ready; one that fails before it was ever ready fails
 * the whole start. Later exits are isolated: the process is started again after a growing pause (0.1 s to 10 s), the
 * others are left alone. Stop: dependants first, so that services can still take themselves out of the registry.
 */
import { error } from '../errors.ts'
import { openLogFile, type LogFile } from './log-file.ts'
import { launch, type Exit, type ManagedProcess } from './managed-process.ts'
import type { ProcessSpec } from './plan.ts'
import { decideRestart, STABLE_AFTER_MS } from './restart-policy.ts'

export type ProcessState = 'WAITING' | 'STARTING' | 'UP' | 'RESTART' | 'FAILED' | 'STOPPING' | 'STOPPED'

/** What the views show of one process. */
export interface ProcessStatus {
  readonly name: string
  readonly state: ProcessState
  readonly url: string | undefined
  readonly management: string | undefined
  readonly pid: number | undefined
  readonly sinceMs: number
  readonly restarts: number
  readonly note: string
}

export interface SupervisorOptions {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly logFolder: string
  readonly startTimeoutMs: number
  readonly restart: boolean
  readonly onStatus: (status: ProcessStatus) => void
  /** What a process wrote: whole lines, each with its end. */
  readonly onLines: (name: string, lines: Buffer) => void
  /** The explanation of an exit, with the process's last lines before it. */
  readonly onProblem: (message: string, lastLines: readonly string[]) => void
}

export interface Supervisor {
  /** Resolves when all are ready; rejects with E_SERVICE_EXIT or E_SERVICE_SLOW after stopping what had started. */
  start (): Promise<void>
  /** Ends every process; none is left when it resolves. */
  stop (): Promise<void>
  statuses (): readonly ProcessStatus[]
  kill (name: string, signal: NodeJS.Signals): void
  /** Starts a process that is not running (after a kill with `restart: false`); resolves when it is ready. */
  launch (name: string): Promise<void>
}

/** Two stages of this must fit into the three seconds that Ctrl-C may take. */
const STOP_GRACE_MS = 1400

interface Slot {
  readonly spec: ProcessSpec
  readonly log: LogFile
  status: ProcessStatus
  process: ManagedProcess | undefined
  /** The port it got, kept over restarts so that nobody must learn a new address. */
  port: number
  quickExits: number
  timer: NodeJS.Timeout | undefined
}

interface StartFailure {
  readonly reason: string
  readonly slow: boolean
  readonly lastLines: readonly string[]
}

export function createSupervisor (specs: readonly ProcessSpec[], options: SupervisorOptions): Supervisor {
  const slots = new Map(specs.map(spec => [spec.name, openSlot(spec, options)]))
  let stopping = false

  function update (slot: Slot, change: Partial<ProcessStatus>): void {
    slot.status = { ...slot.status, sinceMs: Date.now(), ...change }
    options.onStatus(slot.status)
  }

  /** Launches and waits until ready; what went wrong otherwise. */
  async function bringUp (slot: Slot): Promise<StartFailure | undefined> {
    const child = launch(slot.spec, slot.port, {
      env: { ...options.env, ...slot.spec.env(addresses()) },
      log: slot.log,
      onLines: lines => { options.onLines(slot.spec.name, lines) }
    })
    slot.process = child
    update(slot, { state: 'STARTING', pid: child.pid, note: '' })
    const ready = await withDeadline(child, options.startTimeoutMs)
    if (ready === undefined || ready === 'slow') return startFailure(slot, child, ready === 'slow')
    slot.port = Number(new URL(ready.url).port)
    update(slot, { state: 'UP', url: ready.url, management: ready.management, note: '' })
    void child.exited.then(exit => { afterExit(slot, child, exit) })
    return undefined
  }

  async function startFailure (slot: Slot, child: ManagedProcess, slow: boolean): Promise<StartFailure> {
    const exit = await child.stop(STOP_GRACE_MS)
    slot.process = undefined
    const reason = describeExit(exit)
    if (!stopping) update(slot, { state: 'FAILED', pid: undefined, note: slow ? 'not ready in time' : `exit ${reason}` })
    return { reason, slow, lastLines: child.lastLines() }
  }

  function afterExit (slot: Slot, child: ManagedProcess, exit: Exit): void {
    if (stopping || slot.process !== child) return
    if (Date.now() - slot.status.sinceMs > STABLE_AFTER_MS) slot.quickExits = 0
    slot.process = undefined
    scheduleRestart(slot, describeExit(exit), child.lastLines())
  }

  function scheduleRestart (slot: Slot, reason: string, lastLines: readonly string[]): void {
    slot.quickExits++
    const { again, pauseMs } = decideRestart(slot.quickExits)
    const restart = options.restart && again
    const plan = restart ? `started again in ${pauseMs / 1000} s` : 'not started again'
    update(slot, { state: restart ? 'RESTART' : 'FAILED', pid: undefined, note: `exit ${reason}, ${plan}` })
    options.onProblem(error('E_SERVICE_CRASHED', [slot.spec.name, reason, plan]).toString(), lastLines)
    if (restart) slot.timer = setTimeout(() => { void restartSlot(slot) }, pauseMs)
  }

  async function restartSlot (slot: Slot): Promise<void> {
    update(slot, { restarts: slot.status.restarts + 1 })
    const failure = await bringUp(slot)
    if (failure !== undefined && !stopping) scheduleRestart(slot, failure.reason, failure.lastLines)
  }

  function addresses (): Map<string, string> {
    return new Map([...slots.values()].flatMap(({ spec, status }) =>
      status.url === undefined ? [] : [[spec.name, status.url]]))
  }

  async function startSlot (slot: Slot): Promise<void> {
    if (stopping) return
    const failure = await bringUp(slot)
    if (failure === undefined || stopping) return
    const code = failure.slow ? 'E_SERVICE_SLOW' : 'E_SERVICE_EXIT'
    const detail = failure.slow ? options.startTimeoutMs / 1000 : failure.reason
    options.onProblem(error(code, [slot.spec.name, detail]).toString(), failure.lastLines)
    throw error(code, [slot.spec.name, detail])
  }

  async function start (): Promise<void> {
    try {
      await inOrder([...slots.values()], slot => slot.spec.dependsOn, startSlot)
    } catch (cause) {
      await stop()
      throw cause
    }
  }

  async function stop (): Promise<void> {
    stopping = true
    const dependants = (slot: Slot) =>
      specs.filter(spec => spec.dependsOn.includes(slot.spec.name)).map(spec => spec.name)
    await inOrder([...slots.values()].toReversed(), dependants, slot => stopSlot(slot, update))
  }

  return {
    start,
    stop,
    statuses: () => [...slots.values()].map(slot => slot.status),
    kill: (name, signal) => { find(slots, name).process?.kill(signal) },
    launch: name => startSlot(find(slots, name))
  }
}

function openSlot (spec: ProcessSpec, options: SupervisorOptions): Slot {
  const status: ProcessStatus = {
    name: spec.name,
    state: 'WAITING',
    url: undefined,
    management: undefined,
    pid: undefined,
    sinceMs: Date.now(),
    restarts: 0,
    note: spec.dependsOn.length === 0 ? '' : `waits for ${spec.dependsOn.join(', ')}`
  }
  const log = openLogFile(options.logFolder, spec.name)
  return { spec, log, status, process: undefined, port: spec.port, quickExits: 0, timer: undefined }
}

/** Runs `step` for every slot as soon as the steps of those it names are done; slots are given in such an order. */
async function inOrder (slots: readonly Slot[], names: (slot: Slot) => readonly string[],
  step: (slot: Slot) => Promise<void>): Promise<void> {
  const done = new Map<string, Promise<void>>()
  for (const slot of slots) {
    const before = names(slot).flatMap(name => done.get(name) ?? [])
    done.set(slot.spec.name, Promise.all(before).then(() => step(slot)))
  }
  await Promise.all(done.values())
}

async function stopSlot (slot: Slot, update: (slot: Slot, change: Partial<ProcessStatus>) => void): Promise<void> {
  clearTimeout(slot.timer)
  if (slot.process !== undefined) {
    update(slot, { state: 'STOPPING' })
    const exit = await slot.process.stop(STOP_GRACE_MS)
    update(slot, { state: 'STOPPED', pid: undefined, note: exit.signal === 'SIGKILL' ? 'ended by SIGKILL' : '' })
  }
  slot.log.close()
}

async function withDeadline (child: ManagedProcess, deadlineMs: number) {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<'slow'>(resolve => { timer = setTimeout(resolve, deadlineMs, 'slow') })
  try {
    return await Promise.race([child.ready, late])
  } finally {
    clearTimeout(timer)
  }
}

function describeExit (exit: Exit): string {
  return exit.signal ?? `code ${exit.code}`
}

function find (slots: ReadonlyMap<string, Slot>, name: string): Slot {
  const slot = slots.get(name)
  if (slot === undefined) throw error('E_USAGE', [`there is no process "${name}", only ${[...slots.keys()].join(', ')}.`])
  return slot
}
