/**
 * `npm run bench:config-server`: a repository of 1,000 applications with 3 profiles and 100 keys a file. Cached
 * environments a second and their latencies, beside a bare node:http handler in the same interleaved run; the same
 * while the git remote hangs; memory; time until a new commit is served; 2,000 watchers. Each aim beside its result.
 *
 * Spring's server (config-server 5.0.2 on a machine of the same kind) answers 99 requests/s warm, from a folder.
 *
 * At full size it takes a minute or two.
 *
 * Flags: --apps N (1000)   --rounds N (3)   --seconds N (4)   --watchers N (2000)   --commits N (0): so long a history
 *        --only-watchers: nothing but the watchers; `--apps 750 --commits 2000` is a repository of 3,000 files
 */
import { execFileSync, fork, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { get } from 'node:http'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { readFlags } from '../scripts/flags.ts'
import { runLoad, type LoadRequest, type LoadResult } from './lib/load.ts'
import { cpuMs, rssBytes } from './lib/machine.ts'
import { interleave, median } from './lib/rounds.ts'

const values = readFlags(import.meta.filename, {
  apps: { type: 'string', default: '1000' },
  rounds: { type: 'string', default: '3' },
  seconds: { type: 'string', default: '4' },
  watchers: { type: 'string', default: '2000' },
  commits: { type: 'string', default: '0' },
  'only-watchers': { type: 'boolean', default: false }
})
const [APPS, ROUNDS, SECONDS] = [Number(values.apps), Number(values.rounds), Number(values.seconds)]
const [WATCHERS, COMMITS] = [Number(values.watchers), Number(values.commits)]
const PROFILES = ['dev', 'qa', 'prod']
const SPRING_PER_SECOND = 99
const AIM = {
  perSecond: Math.max(5_000, 50 * SPRING_PER_SECOND), rssMiB: 150, watchersMiB: 60, commitMs: 1_000, wakeMs: 1_000
}
const ROOT = path.join(import.meta.dirname, '..')

const work = mkdtempSync(path.join(tmpdir(), 'bench-config-'))
const repository = path.join(work, 'repo')
const git = (...args: string[]) => execFileSync('git', ['-C', repository, '-c', 'user.name=b', '-c', 'user.email=b@b', ...args])

function makeRepository (): void {
  execFileSync('git', ['init', '-q', '-b', 'main', repository])
  for (let app = 0; app < APPS; app++) {
    for (const name of ['', ...PROFILES.map(profile => `-${profile}`)]) writeFileSync(fileOf(app, name), fileText(app, name))
  }
  writeFileSync(path.join(repository, 'application.yml'), 'shared:\n  a: 1\n  b: 2\n')
  commit()
  if (COMMITS > 0) addHistory()
}

/** Commits of other teams, as `git fast-import` reads them: one by one they would take minutes. */
function addHistory (): void {
  const text = (content: string): string => `data ${content.length}\n${content}\n`
  const commits = Array.from({ length: COMMITS }, (_, i) => 'commit refs/heads/main\ncommitter b <b@b> 1700000000 +0000\n' + text('change') +
    (i === 0 ? 'from refs/heads/main^0\n' : '') + `M 100644 inline notes/${i % 50}.txt\n${text(String(i))}`)
  execFileSync('git', ['-C', repository, 'fast-import', '--quiet'], { input: commits.join('') })
  git('reset', '-q', '--hard')
}

function fileOf (app: number, name: string): string {
  return path.join(repository, `app${app}${name}.yml`)
}

function fileText (app: number, name: string, mark = 0): string {
  const lines = Array.from({ length: 100 }, (_, key) => `  key${key}: value ${key} of app${app}${name}`)
  return `mark: ${mark}\nsection:\n${lines.join('\n')}\n`
}

function commit (): void {
  git('add', '-A')
  git('commit', '-q', '-m', 'change')
}

// As `breakwater config-server` starts it: what Node compiled is kept, which is part of the memory it takes.
const ENVIRONMENT = { NODE_COMPILE_CACHE: path.join(ROOT, 'node_modules/.cache/breakwater'), ...process.env }

interface Server { readonly child: ChildProcess, readonly url: string }

async function startServer (uri: string): Promise<Server> {
  const child = fork(path.join(ROOT, 'config-server/main.ts'), ['--port', '0',
    `--spring.cloud.config.server.git.uri=${uri}`, `--spring.cloud.config.server.git.basedir=${path.join(work, 'mirror')}`,
    '--spring.cloud.config.server.git.timeout=60', '--spring.cloud.config.server.git.refresh-rate=1',
    '--breakwater.config-server.webhook.unsigned=true'], { cwd: work, env: ENVIRONMENT, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  const [{ url }] = await once(child, 'message') as [{ url: string }]
  return { child, url }
}

async function stop ({ child }: { child: ChildProcess }): Promise<void> {
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  await ended
}

const requests: LoadRequest[] = Array.from({ length: APPS * 3 }, (_, i) =>
  ({ method: 'GET', path: `/app${i % APPS}/${PROFILES[i % 3]}`, headers: { accept: 'application/json' } }))
// A working set that fits the cache of answers: what services ask again and again.
const hot = requests.slice(0, 300)

/** A bare handler that sends bytes of the same size: what no server on Node can beat. */
const BARE = `require('node:http').createServer((q, s) => s.end(b)).listen(0, '127.0.0.1', function () {
  process.send({ url: 'http://127.0.0.1:' + this.address().port }) }); const b = Buffer.alloc(13000, 'x')
  process.on('SIGTERM', () => process.exit(0))`

async function startBare (): Promise<Server> {
  const file = path.join(work, 'bare.cjs')
  writeFileSync(file, BARE)
  const child = fork(file, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  const [{ url }] = await once(child, 'message') as [{ url: string }]
  return { child, url }
}

interface Cost extends LoadResult { readonly cpuUs: number }

async function measure ({ child, url }: Server): Promise<Cost> {
  const before = cpuMs(child.pid!)
  const result = await runLoad({ url, connections: 16, seconds: SECONDS, requests: hot })
  return { ...result, cpuUs: (cpuMs(child.pid!) - before) * 1000 / result.count }
}

function line (what: string, result: string, aim: string): void {
  console.log(`${what.padEnd(58)} ${result.padStart(26)}   aim ${aim}`)
}

function tell (what: string, costs: readonly Cost[], aim: string): void {
  const perSecond = median(costs.map(({ count, seconds }) => count / seconds))
  const of = (pick: (cost: Cost) => number): number => median(costs.map(pick))
  const [p50, p99, cpu] = [of(cost => cost.p50Ms), of(cost => cost.p99Ms), of(cost => cost.cpuUs)]
  line(what, `${Math.round(perSecond)}/s`, aim)
  line('  p50, p99, CPU a request', `${p50.toFixed(2)} ms, ${p99.toFixed(2)} ms, ${cpu.toFixed(0)} us`, '')
}

/** Tells the costs and returns the 99th percentile. */
async function cached (server: Server): Promise<number> {
  const bare = await startBare()
  const candidates = new Map([['ours', async () => measure(server)], ['bare', async () => measure(bare)]])
  const results = await interleave(candidates, { rounds: ROUNDS })
  await stop(bare)
  const ours = results.get('ours') ?? []
  tell('cached environments, two cores shared with the load', ours, `>= ${AIM.perSecond}/s`)
  tell('bare node:http handler of the same size', results.get('bare') ?? [], '(the limit)')
  return median(ours.map(({ p99Ms }) => p99Ms))
}

async function memory ({ child, url }: Server): Promise<void> {
  const { errors } = await runLoad({ url, connections: 8, seconds: 300, requests, once: true })
  line(`RSS after every one of ${requests.length} environments (${errors} errors)`,
    `${Math.round(rssBytes(child.pid!) / 1_048_576)} MiB`, `< ${AIM.rssMiB} MiB`)
}

async function newCommit ({ url }: Server): Promise<void> {
  const times: number[] = []
  for (let round = 1; round <= ROUNDS; round++) {
    writeFileSync(fileOf(7, '-dev'), fileText(7, '-dev', round))
    commit()
    const started = performance.now()
    await fetch(`${url}/monitor`, { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } })
    while ((await (await fetch(`${url}/app7-dev.json`)).json() as { mark: number }).mark !== round) await pause(5)
    times.push(performance.now() - started)
  }
  line('webhook until the new commit is served', `${Math.round(median(times))} ms`, `< ${AIM.commitMs} ms`)
}

async function openStream (url: string, onChange: () => void): Promise<() => void> {
  return new Promise((resolve, reject) => {
    const request = get(url, { headers: { accept: 'text/event-stream' }, agent: false }, response => {
      response.on('error', () => {}).on('data', (chunk: Buffer) => { if (chunk.includes('event: change')) onChange() })
      resolve(() => request.destroy())
    })
    request.on('error', reject)
  })
}

async function watchers ({ child, url }: Server): Promise<void> {
  const before = rssBytes(child.pid!)
  let woken = 0
  let others = 0
  const all = new Set<number>()
  const open = async (i: number): Promise<() => void> => openStream(`${url}/_config/watch/app${i % APPS}/dev`, () => {
    if (i % APPS === 3) woken++
    else others++
    all.add(i)
  })
  const streams: (() => void)[] = []
  // More at one moment than the backlog of a socket takes are refused by the system.
  for (let from = 0; from < WATCHERS; from += 100) {
    const length = Math.min(100, WATCHERS - from)
    streams.push(...await Promise.all(Array.from({ length }, async (_, i) => open(from + i))))
  }
  line(`memory of ${WATCHERS} watchers`, `${Math.round((rssBytes(child.pid!) - before) / 1_048_576)} MiB`, `< ${AIM.watchersMiB} MiB`)
  writeFileSync(fileOf(3, '-dev'), fileText(3, '-dev', 1))
  commit()
  const started = performance.now()
  await fetch(`${url}/monitor`, { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } })
  const expected = Math.ceil((WATCHERS - 3) / APPS)
  while (woken < expected && performance.now() - started < 60_000) await pause(5)
  line(`webhook until all ${expected} watchers of the application know (${others} others woken)`,
    `${Math.round(performance.now() - started)} ms`, `< ${AIM.wakeMs} ms`)
  all.clear()
  writeFileSync(path.join(repository, 'application.yml'), 'shared:\n  a: 1\n  b: 3\n')
  commit()
  const startedAll = performance.now()
  await fetch(`${url}/monitor`, { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } })
  while (all.size < WATCHERS && performance.now() - startedAll < 60_000) await pause(5)
  line(`webhook until all ${WATCHERS} watchers of ${APPS} applications know a change for all`,
    `${Math.round(performance.now() - startedAll)} ms`, `< ${AIM.wakeMs} ms`)
  for (const end of streams) end()
}

/** The remote serves once, then accepts and says nothing: the mirror must serve as if nothing were wrong. */
async function hanging (p99Ms: number): Promise<void> {
  const daemonPort = await freePort()
  const daemon = spawn('git', ['daemon', '--reuseaddr', '--export-all', '--listen=127.0.0.1', `--port=${daemonPort}`,
    `--base-path=${work}`, work], { stdio: 'ignore', detached: true })
  const sockets = new Set<Socket>()
  let isHanging = false
  const remote = createServer(socket => {
    sockets.add(socket.on('error', () => {}).resume())
    if (!isHanging) socket.pipe(connect(daemonPort, '127.0.0.1').on('error', () => socket.destroy())).pipe(socket)
  }).listen(0, '127.0.0.1')
  await once(remote, 'listening')
  const server = await startServer(`git://127.0.0.1:${(remote.address() as { port: number }).port}/repo`)
  while ((await fetch(`${server.url}/app1/dev`)).status !== 200) await pause(100)
  isHanging = true
  await pause(1_500)
  tell('requests while a fetch from the remote hangs', [await measure(server)], `p99 about ${p99Ms.toFixed(2)} ms, as above`)
  await stop(server)
  process.kill(-daemon.pid!, 'SIGKILL')
  for (const socket of sockets) socket.destroy()
  remote.close()
}

async function freePort (): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}

async function pause (ms: number): Promise<void> {
  return new Promise(resolve => { setTimeout(resolve, ms) })
}

async function everything (server: Server): Promise<void> {
  await memory(server)
  const p99Ms = await cached(server)
  await newCommit(server)
  await watchers(server)
  await stop(server)
  await hanging(p99Ms)
}

try {
  makeRepository()
  const server = await startServer(`file://${repository}`)
  if (values['only-watchers']) {
    await watchers(server)
    await stop(server)
  } else await everything(server)
} finally {
  rmSync(work, { recursive: true, force: true })
}
