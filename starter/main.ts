/**
 * The process face of every server and service: read flags and settings, start, say so, stop when told, and turn each
 * failure into one line that names the next step. Only files called main.ts hand `process` in here.
 */
import { flushCompileCache } from 'node:module'
import { getSystemErrorMessage } from 'node:util'
import type { Settings } from './settings/index.ts'
import { loadSettings, maskText } from './settings/index.ts'
import { BreakwaterError } from './errors.ts'
import { starterError } from './starter-errors.ts'
import { parseCommandLine } from './command-line.ts'
import { applyLevels, createLogger } from './logger.ts'
import type { Logger } from './logger.ts'
import { portOwner } from './port-owner.ts'

export interface MainArgs {
  readonly settings: Settings
  readonly log: Logger
}

/** A started server. */
export interface Running {
  /** `http://127.0.0.1:8761` */
  readonly url: string
  /** Where its actuator answers when that is another port. */
  readonly management?: string
  stop (): Promise<void>
}

/** What `start` may be given besides: values below every file and flag. */
export interface MainOptions {
  readonly defaults?: Record<string, string>
}

/** Exit codes: 0 stopped, 1 failed, 2 wrong usage. */
const FAILED = 1
const USAGE = 2
const STOP_DEADLINE_MS = 30_000
/** A change of a whole file need not be told key by key. */
const MAX_LOGGED_KEYS = 50
/** Behind the start's own work, and that of others that start beside it. */
const QUIET_MS = 3000
/** What a stop may take beyond its own deadline before the process is ended the hard way. */
const STOP_MARGIN_MS = 2_000

/**
 * Runs a server as this process.
 * @example
 * runMain(process, 'users', async ({ settings, log }) => {
 *   const app = await service({ name: 'users', settings, log })
 *   await app.register(routes)
 *   return app.start()
 * })
 */
export function runMain (
  process: NodeJS.Process, name: string, start: (args: MainArgs) => Promise<Running>, options: MainOptions = {}
): void {
  run(process, name, start, options).catch(async (failure: unknown) => {
    process.stderr.write(`${maskText((await explain(failure, name)).map(String).join('\n'))}\n`)
    process.exit(isUsage(failure) ? USAGE : FAILED)
  })
}

async function run (
  process: NodeJS.Process, name: string, start: (args: MainArgs) => Promise<Running>, options: MainOptions
): Promise<void> {
  const line = parseCommandLine(process.argv.slice(2))
  if (line.help) {
    process.stdout.write(`${name}: ${starterError('E_USAGE', ['']).next}\n`)
    process.exit(0)
  }
  const settings = await loadSettings({
    name,
    env: process.env,
    args: line.settings,
    ...(options.defaults === undefined ? {} : { defaults: options.defaults }),
    ...(line.file === undefined ? {} : { file: line.file }),
    ...(line.profiles === undefined ? {} : { profiles: line.profiles })
  })
  const log = createLogger(settings)
  crashOnUnhandled(process, log)
  for (const warning of settings.warnings) log.warn(warning)
  settings.on('warning', warning => log.warn(warning))
  settings.on('change', keys => {
    applyLevels(log, settings, keys)
    log.info({ keys: keys.slice(0, MAX_LOGGED_KEYS) }, 'settings changed')
  })
  const stopping = new StopSignal(process)
  const running = await start({ settings, log }).catch((failure: unknown) => {
    log.debug({ err: failure }, 'start failed')
    throw failure
  })
  process.send?.({ type: 'ready', url: running.url, ...(running.management === undefined ? {} : { management: running.management }) })
  log.info({ url: running.url, management: running.management, profiles: settings.profiles }, 'started')
  keepCompiled()
  const reason = await stopping.asked
  await stop(running, settings.durationMs('spring.lifecycle.timeout-per-shutdown-phase', STOP_DEADLINE_MS), reason, log, name)
  settings.close()
  process.exit(0)
}

/** Node writes what it has compiled when it exits: at the first stop that took longer than all else. */
function keepCompiled (): void {
  setTimeout(flushCompileCache, QUIET_MS).unref()
}

async function stop (running: Running, deadlineMs: number, reason: string, log: Logger, name: string): Promise<void> {
  log.info({ reason }, 'stopping')
  const limitMs = deadlineMs + STOP_MARGIN_MS
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(starterError('E_STOP_DEADLINE', [limitMs], { where: name })), limitMs)
  })
  await Promise.race([running.stop(), late])
  clearTimeout(timer)
  log.info('stopped')
}

/** SIGTERM, SIGINT, or the end of the parent that forked us; a second signal ends the process at once. */
class StopSignal {
  readonly asked: Promise<string>

  constructor (process: NodeJS.Process) {
    this.asked = new Promise(resolve => {
      for (const signal of ['SIGTERM', 'SIGINT'] as const) {
        process.once(signal, () => {
          process.once(signal, () => process.exit(FAILED))
          resolve(signal)
        })
      }
      // A supervisor that got SIGKILL cannot stop its children: the broken channel is then all they learn.
      if (process.send !== undefined) process.once('disconnect', () => resolve('parent gone'))
    })
  }
}

/** Crash-only: after an error nobody handled the state is unknown, so the process says so and ends. */
function crashOnUnhandled (process: NodeJS.Process, log: Logger): void {
  const crash = (failure: unknown): void => {
    log.fatal({ err: failure }, 'unhandled failure, ending the process')
    process.exit(FAILED)
  }
  process.on('unhandledRejection', crash)
  process.on('uncaughtException', crash)
}

function isUsage (failure: unknown): boolean {
  return failure instanceof BreakwaterError && failure.code === 'E_USAGE'
}

interface ListenFailure extends NodeJS.ErrnoException {
  readonly address?: string
  readonly port?: number
  /** The setting that chose the port, when it is not server.port. */
  readonly setting?: string
}

/** The lines a person reads. Foreign errors keep their message, never their stack. */
async function explain (failure: unknown, name: string): Promise<BreakwaterError[]> {
  if (failure instanceof BreakwaterError) return [failure]
  if (failure instanceof AggregateError) {
    return (await Promise.all(failure.errors.map(part => explain(part, name)))).flat()
  }
  const { code, address, port, message, setting } = failure as ListenFailure
  if (code === 'EADDRINUSE' && port !== undefined) {
    return [await portInUse(name, address ?? 'localhost', port, setting ?? 'SERVER_PORT')]
  }
  if (code === 'EADDRNOTAVAIL' || (code === 'EACCES' && port !== undefined)) {
    const target = port === undefined ? address : `${address}:${port}`
    return [starterError('E_ADDRESS', [target, code], { where: name, cause: failure })]
  }
  if (isFileFailure(failure)) {
    const { syscall, path, errno } = failure
    return [starterError('E_FILE_SYSTEM', [FILE_ACTS[syscall] ?? syscall, path, getSystemErrorMessage(errno)],
      { where: name, cause: failure })]
  }
  return [starterError('E_START', [message ?? String(failure)], { where: name, cause: failure })]
}

/** What Node calls them is C's word. */
const FILE_ACTS: Readonly<Record<string, string>> = {
  mkdir: 'make the folder', open: 'open', scandir: 'list', stat: 'look at', lstat: 'look at', rename: 'replace', unlink: 'remove',
  access: 'use', copyfile: 'copy', rmdir: 'remove', link: 'link', write: 'write'
}

type FileFailure = Required<Pick<NodeJS.ErrnoException, 'syscall' | 'path' | 'errno'>>

function isFileFailure (failure: unknown): failure is FileFailure {
  const { syscall, path, errno } = failure as NodeJS.ErrnoException
  return syscall !== undefined && path !== undefined && errno !== undefined
}

async function portInUse (name: string, address: string, port: number, setting: string): Promise<BreakwaterError> {
  const owner = await portOwner(port)
  return starterError('E_PORT_IN_USE', [`${address}:${port}`, owner === undefined ? '' : ` by ${owner}`, setting],
    { where: name })
}
