/**
 * `breakwater up` (`npm start`), top to bottom: stack file -> plan -> start in order -> look from outside -> show ->
 * wait for a signal -> stop in order.
 */
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { BreakwaterError } from '@breakwater/starter/errors'
import { announce, readRunning, socketPath, withdraw } from './control/running-stack.ts'
import { serveControl, type StackState } from './control/server.ts'
import { error } from './errors.ts'
import { readFlags } from './flags.ts'
import { readUpOptions, UP_FLAGS, type UpOptions } from './options.ts'
import { whatIsMissing } from './ready-look.ts'
import { readStackFile } from './stack-file/read.ts'
import { chooseServices } from './stack-file/choose.ts'
import type { StackFile } from './stack-file/stack-file.ts'
import { childEnv } from './supervisor/child-env.ts'
import { planStack } from './supervisor/plan.ts'
import type { ProcessSpec } from './supervisor/process-spec.ts'
import { writeRoutes } from './supervisor/routes-file.ts'
import { createSupervisor, type Supervisor } from './supervisor/supervisor.ts'
import { FAILED, OK } from './verb.ts'
import { createView } from './view/create-view.ts'
import type { View } from './view/view.ts'

/** What a service may take to finish what it has begun, and a little for those who hold up their own end. */
const STOP_GRACE_MS = 35_000

/** Runs until a signal, a `breakwater down` or a failed start; resolves with the exit code. */
export async function up (process: NodeJS.Process, args: readonly string[]): Promise<number> {
  const startedMs = performance.now()
  const values = readFlags('up', args, UP_FLAGS)
  const stack = readStackFile(process.cwd(), values.file)
  const options = readUpOptions(values, process.env, stack)
  refuseSecond(options)
  // What runs: data, decided before anything is touched.
  const chosen = chooseServices(stack, options.only)
  const plan = planStack(stack, options, chosen)
  writeRoutes([...stack.services.values()].filter(({ name }) => chosen.includes(name)), options.dataFolder)
  const view = createView(process, `${stack.name}  profile=${options.profile}`, options.json)
  const run = new Run(stack, options, plan, view)
  // Signals first: Ctrl-C during the start must stop what has started.
  onSignals(process, view, () => { run.interrupt() })
  return await run.toTheEnd(startedMs)
}

function refuseSecond ({ dataFolder }: UpOptions): void {
  const running = readRunning(dataFolder)
  if (running !== undefined) throw error('E_STACK_RUNNING', [running.pid, dataFolder])
}

/** One stack from its start to its end. */
class Run {
  readonly #stack: StackFile
  readonly #options: UpOptions
  readonly #plan: readonly ProcessSpec[]
  readonly #view: View
  readonly #supervisor: Supervisor
  readonly #asked = Promise.withResolvers<void>()
  #state: StackState = 'STARTING'
  #ending: Promise<void> | undefined

  constructor (stack: StackFile, options: UpOptions, plan: readonly ProcessSpec[], view: View) {
    this.#stack = stack
    this.#options = options
    this.#plan = plan
    this.#view = view
    this.#supervisor = createSupervisor(plan, {
      env: childEnv(process.env, options.profile, cacheFolder(stack, options)),
      logFolder: join(options.dataFolder, 'logs'),
      startTimeoutMs: options.startTimeoutMs,
      stopGraceMs: STOP_GRACE_MS,
      restart: options.restart,
      onStatus: status => { view.status(status) },
      onLines: (name, lines) => { view.lines(name, lines) },
      onProblem: (message, lastLines) => { view.problem(message, lastLines) }
    })
  }

  async toTheEnd (startedMs: number): Promise<number> {
    const running = { pid: process.pid, socket: socketPath(), file: this.#stack.file }
    const server = await serveControl(running.socket, {
      view: () => this.#describe(),
      kill: (name, signal) => { this.#supervisor.kill(name, signal) },
      stop: () => this.#end()
    })
    announce(this.#options.dataFolder, running)
    const code = await Promise.race([this.#begin(startedMs), this.#asked.promise.then(() => OK)])
    await this.#end()
    withdraw(this.#options.dataFolder, running)
    server.close()
    this.#view.close()
    return code
  }

  /** The first time it stops, the second time at once. */
  interrupt (): void {
    if (this.#ending !== undefined) this.#supervisor.endNow()
    this.#asked.resolve()
  }

  async #begin (startedMs: number): Promise<number> {
    this.#tellWhatIsLeftOut()
    try {
      await this.#supervisor.start()
      await this.#look()
    } catch (cause) {
      // Ours were shown with the process's last lines, and the others were stopped; or somebody wants to stop.
      if (!(cause instanceof BreakwaterError)) this.#view.problem(error('E_FAILED', [(cause as Error).message]).toString(), [])
      return FAILED
    }
    if (this.#ending !== undefined) return OK
    this.#state = 'READY'
    const gateway = this.#gateway()
    const seconds = (performance.now() - startedMs) / 1000
    this.#view.ready({ seconds, gateway: gateway ?? '', examples: this.#examples(gateway) })
    await this.#asked.promise
    return OK
  }

  /** "Ready" is what people and scripts act on: it is said when a call has come through. */
  async #look (): Promise<void> {
    const gateway = this.#gateway()
    if (gateway === undefined) return
    const stopped = new AbortController()
    void this.#asked.promise.then(() => { stopped.abort() })
    const missing = await whatIsMissing(gateway, this.#plan, this.#options.startTimeoutMs, stopped.signal)
    if (missing.length === 0) return
    const failure = error('E_NOT_READY', [`not every service can be called through the gateway: ${missing.join('; ')}.`,
      join(this.#options.dataFolder, 'logs')])
    this.#view.problem(failure.toString(), [])
    throw failure
  }

  #tellWhatIsLeftOut (): void {
    const left = (['discovery', 'config-server'] as const).filter(name =>
      this.#stack.platform[name] !== undefined && !this.#plan.some(spec => spec.name === name))
    if (left.length === 0) return
    this.#view.note(`profile ${this.#options.profile}: ${left.join(' and ')} ${left.length > 1 ? 'are' : 'is'} not started, ` +
      'what stands for it is expected to be there')
  }

  #gateway (): string | undefined {
    return this.#supervisor.statuses().find(({ name }) => name === 'gateway')?.url
  }

  #examples (gateway: string | undefined): string[] {
    if (gateway === undefined) return []
    const { examples } = this.#stack
    if (examples.length > 0) return examples.map(text => text.replaceAll('{gateway}', gateway))
    return [...new Set(this.#plan.flatMap(({ check }) => check === undefined ? [] : [`curl -s ${gateway}${check}`]))]
  }

  #describe () {
    const { name, file } = this.#stack
    const { profile, dataFolder } = this.#options
    return {
      name, file, profile, pid: process.pid, state: this.#state, dataFolder, gateway: this.#gateway(),
      processes: this.#supervisor.statuses()
    }
  }

  #end (): Promise<void> {
    this.#state = 'STOPPING'
    this.#asked.resolve()
    this.#ending ??= this.#supervisor.stop()
    return this.#ending
  }
}

/** What Node has compiled stays with what npm has installed; without that, with what the stack writes. */
function cacheFolder ({ file }: StackFile, { dataFolder }: UpOptions): string {
  const modules = join(dirname(file), 'node_modules')
  return existsSync(modules) ? join(modules, '.cache/breakwater') : join(dataFolder, 'cache')
}

function onSignals (process: NodeJS.Process, view: View, interrupt: () => void): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, interrupt)
  if (view.onKey === undefined || !process.stdin.isTTY) return
  process.stdin.setRawMode(true).unref().on('data', key => {
    const text = key.toString()
    // Raw mode turns Ctrl-C into a byte.
    if (text.includes('q') || text.includes('\u0003')) interrupt()
    else view.onKey?.(text)
  })
}
