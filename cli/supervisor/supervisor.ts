/**
 * Brings the stack up in dependency order, keeps it up, and takes it down.
 *
 * Start: a process is launched when everything it depends on is ready; one that fails before it was ever ready fails
 * the whole start. Later exits are isolated: the process is started again after a growing pause (0.1 s to 10 s), the
 * others are left alone. Stop: dependants first, so that services can still take themselves out of the registry.
 */
import { error } from '../errors.ts'
import { quoted } from '../stack-file/names.ts'
import { freePort } from './free-port.ts'
import { Leash } from './leash.ts'
import { launch, type Exit, type ManagedProcess, type Ready } from './managed-process.ts'
import type { ProcessSpec } from './process-spec.ts'
import { decideRestart, STABLE_AFTER_MS } from './restart-policy.ts'
import { inOrder, openSlot, type ProcessStatus, type Slot } from './slot.ts'
import { registerFor } from './stand-in.ts'
import { watchPaths } from './watch-paths.ts'

export interface SupervisorOptions {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly logFolder: string
  readonly startTimeoutMs: number
  /** What a process may take to finish what it has begun, from SIGTERM on. */
  readonly stopGraceMs: number
  readonly restart: boolean
  readonly onStatus: (status: ProcessStatus) => void
  /** What a process wrote: whole lines, each with its end. */
  readonly onLines: (name: string, lines: Buffer) => void
  /** The explanation of an exit, with the process's last lines before it. */
  readonly onProblem: (message: string, lastLines: readonly string[]) => void
}

export interface Supervisor {
  /**
   * Resolves when all are ready; rejects with E_SERVICE_EXIT, E_SERVICE_SLOW or, when stopped meanwhile, E_STOPPED,
   * after stopping what had started.
   */
  start (): Promise<void>
  /** Ends every process; none is left when it resolves. */
  stop (): Promise<void>
  /** SIGKILL for all that is left of a stop. */
  endNow (): void
  statuses (): readonly ProcessStatus[]
  kill (name: string, signal: NodeJS.Signals): void
  /** Starts a process that is not running (after a kill with `restart: false`); resolves when it is ready. */
  launch (name: string): Promise<void>
}

const PORT_TRIES = 3
const PORT_TAKEN = /E_PORT_IN_USE|EADDRINUSE|address already in use/i

interface StartFailure {
  readonly reason: string
  readonly slow: boolean
  readonly lastLines: readonly string[]
}

export function createSupervisor (specs: readonly ProcessSpec[], options: SupervisorOptions): Supervisor {
  const slots = new Map(specs.map(spec => [spec.name, openSlot(spec, options.logFolder)]))
  const leash = new Leash()
  const unwatch: Array<() => void> = []
  let stopped: Promise<void> | undefined

  function update (slot: Slot, change: Partial<ProcessStatus>): void {
    slot.status = { ...slot.status, sinceMs: Date.now(), ...change }
    options.onStatus(slot.status)
  }

  function envOf (slot: Slot): Record<string, string | undefined> {
    return { ...options.env, ...slot.spec.env(addresses()) }
  }

  /** Launches and waits until ready; what went wrong otherwise. A port that was lost to somebody else is no failure. */
  async function bringUp (slot: Slot): Promise<StartFailure | undefined> {
    for (let tries = 1; ; tries++) {
      if (slot.port === 0) slot.port = await freePort()
      const failure = await tryToBringUp(slot)
      const lostPort = failure?.lastLines.some(line => PORT_TAKEN.test(line)) === true && slot.spec.port === 0
      if (failure === undefined || !lostPort || tries === PORT_TRIES || stopped !== undefined) return failure
      slot.port = 0
    }
  }

  async function tryToBringUp (slot: Slot): Promise<StartFailure | undefined> {
    const child = launch(slot.spec, slot.port, {
      env: envOf(slot),
      log: slot.log,
      onLines: lines => { options.onLines(slot.spec.name, lines) }
    })
    slot.process = child
    holdOnLeash(slot, child)
    update(slot, { state: 'STARTING', pid: child.pid, note: '' })
    const ready = await withDeadline(child, options.startTimeoutMs)
    if (ready === undefined || ready === 'slow') return startFailure(slot, child, ready === 'slow')
    if (stopped === undefined) nowUp(slot, ready)
    void child.exited.then(exit => { afterExit(slot, child, exit) })
    return undefined
  }

  function nowUp (slot: Slot, ready: Ready): void {
    const { registers, service, name } = slot.spec
    const { url, management } = ready
    update(slot, { state: 'UP', url, management, health: healthUrl(slot.spec, ready), note: '' })
    if (registers === 'itself' || (registers === 'whoever' && ready.own)) return
    slot.standIn = registerFor({ service, url, env: envOf(slot), giveWay: registers === 'whoever' })
      .catch((cause: unknown) => {
        options.onProblem(error('E_REGISTRATION', [name], { cause }).toString(), [String(cause)])
        return undefined
      })
  }

  function holdOnLeash (slot: Slot, { pid, exited }: ManagedProcess): void {
    if (slot.spec.run.kind !== 'command' || pid === undefined) return
    leash.hold(pid)
    void exited.then(() => { leash.release(pid) })
  }

  async function startFailure (slot: Slot, child: ManagedProcess, slow: boolean): Promise<StartFailure> {
    const exit = await child.stop(options.stopGraceMs)
    slot.process = undefined
    const reason = describeExit(exit)
    if (stopped === undefined) update(slot, { state: 'FAILED', pid: undefined, note: slow ? 'not ready in time' : `exit ${reason}` })
    return { reason, slow, lastLines: child.lastLines() }
  }

  function afterExit (slot: Slot, child: ManagedProcess, exit: Exit): void {
    if (stopped !== undefined || slot.process !== child) return
    if (Date.now() - slot.status.sinceMs > STABLE_AFTER_MS) slot.quickExits = 0
    slot.process = undefined
    void endStandIn(slot)
    if (slot.renewing) void restartSlot(slot)
    else scheduleRestart(slot, describeExit(exit), child.lastLines())
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
    slot.renewing = false
    update(slot, { restarts: slot.status.restarts + 1 })
    const failure = await bringUp(slot)
    if (failure !== undefined && stopped === undefined) scheduleRestart(slot, failure.reason, failure.lastLines)
  }

  /** A file of its has changed: it ends as at a stop, and starts anew. */
  function renew (slot: Slot, file: string): void {
    if (slot.renewing || stopped !== undefined) return
    // What has crashed waits for this change, perhaps; it is not made to wait for its pause.
    clearTimeout(slot.timer)
    slot.quickExits = 0
    if (slot.process === undefined) return void restartSlot(slot)
    slot.renewing = true
    update(slot, { state: 'RESTART', note: `${file} changed` })
    void slot.process.stop(options.stopGraceMs)
  }

  function addresses (): Map<string, string> {
    return new Map([...slots.values()].flatMap(({ spec, status }) =>
      status.url === undefined ? [] : [[spec.name, status.url]]))
  }

  async function startSlot (slot: Slot): Promise<void> {
    if (stopped !== undefined) throw error('E_STOPPED')
    const failure = await bringUp(slot)
    if (stopped !== undefined) throw error('E_STOPPED')
    if (failure === undefined) return
    const refused = startError(slot, failure, options.startTimeoutMs)
    options.onProblem(refused.toString(), failure.lastLines)
    throw refused
  }

  async function start (): Promise<void> {
    try {
      await inOrder([...slots.values()], slot => slot.spec.dependsOn, startSlot)
    } catch (cause) {
      await stop()
      throw cause
    }
    for (const slot of slots.values()) unwatch.push(watchPaths(slot.spec.watch, file => { renew(slot, file) }))
  }

  function stop (): Promise<void> {
    stopped ??= stopAll()
    return stopped
  }

  async function stopAll (): Promise<void> {
    for (const end of unwatch) end()
    const dependants = (slot: Slot) =>
      specs.filter(spec => spec.dependsOn.includes(slot.spec.name)).map(spec => spec.name)
    await inOrder([...slots.values()].toReversed(), dependants, stopSlot)
    leash.end()
  }

  async function stopSlot (slot: Slot): Promise<void> {
    clearTimeout(slot.timer)
    // Out of the registry first: callers go elsewhere while it finishes.
    await endStandIn(slot)
    if (slot.process !== undefined) {
      update(slot, { state: 'STOPPING' })
      const exit = await slot.process.stop(options.stopGraceMs)
      update(slot, { state: 'STOPPED', pid: undefined, note: exit.signal === 'SIGKILL' ? 'ended by SIGKILL' : '' })
    }
    slot.log.close()
  }

  return {
    start,
    stop,
    endNow: () => { for (const slot of slots.values()) slot.process?.kill('SIGKILL') },
    statuses: () => [...slots.values()].map(slot => slot.status),
    kill: (name, signal) => { find(slots, name).process?.kill(signal) },
    launch: name => startSlot(find(slots, name))
  }
}

function healthUrl ({ run }: ProcessSpec, { own, url, management }: Ready): string | undefined {
  if (own) return `${management ?? url}/actuator/health`
  return run.kind === 'command' && run.health !== undefined ? `${url}${run.health}` : undefined
}

async function endStandIn (slot: Slot): Promise<void> {
  const standIn = slot.standIn
  slot.standIn = undefined
  await (await standIn)?.stop().catch(() => {})
}

function startError (slot: Slot, failure: StartFailure, timeoutMs: number): Error {
  const { name } = slot.spec
  if (failure.lastLines.some(line => PORT_TAKEN.test(line))) {
    return error('E_SERVICE_PORT', [name, slot.port, name, slot.port + 1])
  }
  return failure.slow ? error('E_SERVICE_SLOW', [name, timeoutMs / 1000]) : error('E_SERVICE_EXIT', [name, failure.reason])
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
  if (slot === undefined) throw error('E_USAGE', [`there is no process ${quoted(name, [...slots.keys()])}`])
  return slot
}
