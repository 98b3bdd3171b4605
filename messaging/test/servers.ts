/** Real servers for tests, from the machine's packages: a folder, a free port, and gone afterwards. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { chownSync, existsSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { connect, createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { until } from './until.ts'

export interface TestServer {
  readonly url: string
  /** Where it keeps its files. */
  readonly dir: string
  /** Ends it without a goodbye; what it answered must be there when it is started again. */
  kill (): Promise<void>
  start (): Promise<void>
  /** It says nothing until it is resumed; its connections stay. */
  pause (): void
  resume (): void
  stop (): Promise<void>
}

/** Why a server cannot be had here, or false. */
export const noRedis = which('redis-server') ? false : 'redis-server is not installed'
export const noPostgres = postgresBin() === undefined
  ? 'postgresql is not installed'
  : postgresUser() === undefined ? 'postgres refuses root, and there is no user postgres' : false

/** `disk.blocks`: how large a file may become, in half kilobytes, from the next start on. */
export async function startRedis (args: readonly string[], disk: { blocks?: number } = {}): Promise<TestServer> {
  const dir = mkdtempSync(join(tmpdir(), 'breakwater-redis-'))
  const port = await freePort()
  const all = ['--port', String(port), '--bind', '127.0.0.1', '--dir', dir, '--save', '', ...args]
  return server(`redis://127.0.0.1:${port}/0`, dir, 'SIGKILL', async () => {
    const limit = disk.blocks === undefined ? '' : `trap '' XFSZ; ulimit -f ${disk.blocks};`
    const child = spawn('sh', ['-c', `${limit} exec redis-server "$@"`, 'redis-server', ...all], { stdio: 'ignore' })
    await until(() => answers(port), 'redis answers')
    return child
  })
}

export async function startPostgres (): Promise<TestServer> {
  const bin = postgresBin()!
  const dir = mkdtempSync(join(tmpdir(), 'breakwater-postgres-'))
  const user = postgresUser()!
  if (user.uid !== undefined && user.gid !== undefined) chownSync(dir, user.uid, user.gid)
  const data = join(dir, 'data')
  execFileSync(join(bin, 'initdb'), ['-D', data, '-U', 'postgres', '-A', 'trust', '--no-sync'],
    { stdio: 'ignore', cwd: dir, ...user })
  const port = await freePort()
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`
  // SIGQUIT is postgres's own crash: every session ends at once, nothing is written, the next start recovers.
  return server(url, dir, 'SIGQUIT', async () => {
    const child = spawn(join(bin, 'postgres'), ['-D', data, '-p', String(port), '-k', dir, '-h', '127.0.0.1'],
      { stdio: 'ignore', cwd: dir, ...user })
    await until(() => takesQueries(url), 'postgres takes queries')
    return child
  })
}

async function server (
  url: string, dir: string, crash: NodeJS.Signals, run: () => Promise<ChildProcess>
): Promise<TestServer> {
  let child = await run()
  return {
    url,
    dir,
    kill: async () => {
      child.kill(crash)
      await until(() => child.exitCode !== null || child.signalCode !== null, 'the server is dead')
    },
    start: async () => { child = await run() },
    pause: () => { child.kill('SIGSTOP') },
    resume: () => { child.kill('SIGCONT') },
    stop: () => end(child, dir)
  }
}

/** SIGINT is postgres's fast shutdown; redis overhears it while it begins its file anew. */
async function end (child: ChildProcess, dir: string): Promise<void> {
  const ended = () => child.exitCode !== null || child.signalCode !== null
  if (!ended()) {
    child.kill('SIGINT')
    child.kill('SIGCONT')
    await until(ended, 'the server has ended', 3000).catch(() => { child.kill('SIGKILL') })
  }
  await until(ended, 'the server has ended')
  rmSync(dir, { recursive: true, force: true })
}

/** As whom to run postgres: ourselves, or the user postgres when we are root; undefined when there is none. */
function postgresUser (): { uid?: number, gid?: number } | undefined {
  if (process.getuid?.() !== 0) return {}
  const entry = readFileSync('/etc/passwd', 'utf8').split('\n').find(line => line.startsWith('postgres:'))
  const [, , uid, gid] = entry?.split(':') ?? []
  return uid === undefined ? undefined : { uid: Number(uid), gid: Number(gid) }
}

function postgresBin (): string | undefined {
  return globSync('/usr/lib/postgresql/*/bin').toSorted().at(-1)
}

function which (command: string): boolean {
  return ['/usr/bin', '/usr/sbin', '/usr/local/bin', '/sbin'].some(dir => existsSync(join(dir, command)))
}

export async function freePort (): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => { server.listen(0, '127.0.0.1', resolve) })
  const { port } = server.address() as AddressInfo
  await new Promise(resolve => { server.close(resolve) })
  return port
}

/** It listens before it has started up, and refuses sessions until then. */
async function takesQueries (url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => {})
  return client.connect().then(() => true, () => false).finally(() => client.end().catch(() => {}))
}

/** Connects to see whether somebody is there; what is said then is the client's business. */
function answers (port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => { resolve(false) })
  })
}
