/** Java applications as processes: `java -cp`, settings as arguments, ready when their HTTP port answers. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { resolve } from 'node:path'
import { until } from '../support/server.ts'

const START_MS = 180_000

interface Tap {
  after: (undo: () => unknown) => unknown
  comment: (text: string) => unknown
}

export interface JavaProcess {
  readonly url: string
  readonly port: number
  /** SIGTERM: the application says goodbye. */
  stop (): Promise<void>
  /** SIGKILL: it does not. */
  kill (): Promise<void>
}

/** Starts a main class of this folder's Spring project and waits until it answers. */
export function startSpring (
  t: Tap, main: 'ServiceApplication' | 'ServerApplication', settings: Record<string, string>, port?: number
): Promise<JavaProcess> {
  return startJava(t, '.', main, { 'spring.main.banner-mode': 'off', ...settings }, port)
}

/** Starts Netflix's own client without Spring. */
export function startNetflixClient (t: Tap, settings: Record<string, string>): Promise<JavaProcess> {
  return startJava(t, 'netflix', 'NetflixClient', settings)
}

/** Starts a main class of a project, by its folder, and waits until it answers. */
export async function startJava (
  t: Tap, project: string, main: string, settings: Record<string, string>, fixedPort?: number
): Promise<JavaProcess> {
  const port = fixedPort ?? await freePort()
  const target = resolve(import.meta.dirname, project, 'target')
  const args = Object.entries({ 'server.port': String(port), ...settings }).map(([key, value]) => `--${key}=${value}`)
  const child = spawn('java', ['-Xmx256m', '-XX:TieredStopAtLevel=1', '-cp', `${target}/classes:${target}/dependency/*`,
    `breakwater.${main}`, ...args])
  t.after(() => end(child, 'SIGKILL'))
  const output = tailOf(child)
  const url = `http://127.0.0.1:${port}`
  const answers = async () => {
    if (child.exitCode !== null) throw new Error(`${main} ended`)
    return await fetch(`${url}/`).then(() => true, () => false)
  }
  await until(answers, `${main} answers`, START_MS).catch((failure: unknown) => {
    t.comment(output())
    throw failure
  })
  return { url, port, stop: () => end(child, 'SIGTERM'), kill: () => end(child, 'SIGKILL') }
}

async function end (child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill(signal)
  await ended
}

/** The last lines of a process, for the case that it fails. */
function tailOf (child: ChildProcess): () => string {
  let tail = ''
  const keep = (chunk: unknown): void => { tail = (tail + String(chunk)).slice(-4000) }
  child.stdout?.on('data', keep)
  child.stderr?.on('data', keep)
  return () => tail
}

async function freePort (): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await once(server.close(), 'close')
  return port
}
