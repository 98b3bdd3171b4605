/**
 * Autobahn's WebSocket suite through the gateway, both ways round, beside the same without a gateway:
 *
 *     node lab/protocol-suites/autobahn.ts [--mode client|server] [--cases 1.*,2.*]
 *
 * `client`: the suite asks, an echo server answers behind the gateway. `server`: a client talks through the gateway to
 * the suite. What counts is that the gateway changes nothing: a case that ends otherwise than without it is a failure,
 * printed, and makes this end with 1.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { WebSocket, WebSocketServer } from 'ws'
import { readFlags } from '../../scripts/flags.ts'
import { runSuite, startGateway } from './gateway-process.ts'

const values = readFlags(import.meta.filename, { mode: { type: 'string' }, cases: { type: 'string', default: '*' } })
const WSTEST = process.env['WSTEST'] ?? 'wstest'
/** The messages of section 9: up to 16 MiB, and 4 MiB in 65,537 fragments, four times what ws allows by itself. */
const WS = { perMessageDeflate: true, maxPayload: 64 * 1024 * 1024, maxFragments: 100_000 }
/** Above the suite's own limit for its longest cases, 480 s: it tells what took too long, this only ends a hang. */
const CASE_MS = 500_000

/** How a case ended, by message and by closing handshake, and after how many milliseconds. */
interface Outcome {
  readonly behavior: string
  readonly behaviorClose: string
  readonly duration: number
  readonly reportfile: string
}
/** By agent and case. */
type Report = Readonly<Record<string, Readonly<Record<string, Outcome>>>>

const folder = mkdtempSync(join(tmpdir(), 'breakwater-autobahn-'))
try {
  if (values.mode !== 'server') compare('client', await asClient())
  if (values.mode !== 'client') compare('server', await asServer())
} finally {
  rmSync(folder, { recursive: true, force: true })
}

/** The suite is the client. */
async function asClient (): Promise<Report> {
  const echo = new WebSocketServer({ ...WS, host: '127.0.0.1', port: 0 })
  echo.on('connection', socket => {
    socket.on('error', () => {})
    socket.on('message', (data, binary) => socket.send(data, { binary }))
  })
  await new Promise(resolve => { echo.once('listening', resolve) })
  const { port } = echo.address() as AddressInfo
  const gateway = await startGateway(`http://127.0.0.1:${port}`)
  const servers = [{ agent: 'direct', url: `ws://127.0.0.1:${port}` }, { agent: 'gateway', url: `ws://127.0.0.1:${gateway.port}` }]
  try {
    await runSuite(WSTEST, ['-m', 'fuzzingclient', '-s', spec('client', { servers })])
    return report('client')
  } finally {
    await gateway.stop()
    for (const socket of echo.clients) socket.terminate()
    echo.close()
  }
}

/** The suite is the server. */
async function asServer (): Promise<Report> {
  const port = await freePort()
  const suite = spawn(WSTEST, ['-m', 'fuzzingserver', '-s', spec('server', { url: `ws://127.0.0.1:${port}` })],
    { stdio: ['ignore', 'ignore', 'inherit'] })
  try {
    await listening(port)
    const gateway = await startGateway(`http://127.0.0.1:${port}`)
    try {
      await runCases('direct', port)
      await runCases('gateway', gateway.port)
    } finally {
      await gateway.stop()
    }
    return report('server')
  } finally {
    suite.kill()
  }
}

async function runCases (agent: string, port: number): Promise<void> {
  const at = `ws://127.0.0.1:${port}`
  const count = Number(await talk(`${at}/getCaseCount`))
  for (let n = 1; n <= count; n++) await talk(`${at}/runCase?case=${n}&agent=${agent}`)
  await talk(`${at}/updateReports?agent=${agent}`)
}

/** Echoes until the other side closes; resolves with the last text. */
async function talk (url: string): Promise<string> {
  const socket = new WebSocket(url, WS)
  let last = ''
  socket.on('error', () => {})
  socket.on('message', (data, binary) => {
    last = binary ? '' : (data as Buffer).toString()
    if (url.includes('/runCase')) socket.send(data, { binary })
  })
  const timer = setTimeout(() => socket.terminate(), CASE_MS)
  await new Promise(resolve => { socket.once('close', resolve) })
  clearTimeout(timer)
  return last
}

function spec (mode: string, more: object): string {
  const file = join(folder, `${mode}.json`)
  writeFileSync(file, JSON.stringify({ outdir: join(folder, mode), cases: values.cases.split(','), 'exclude-cases': [], 'exclude-agent-cases': {}, ...more }))
  return file
}

function report (mode: string): Report {
  return JSON.parse(readFileSync(join(folder, mode, 'index.json'), 'utf8')) as Report
}

function compare (mode: string, results: Report): void {
  const { direct = {}, gateway = {} } = results
  const counts: Record<string, number> = {}
  let otherwise = 0
  for (const [name, outcome] of Object.entries(gateway)) {
    counts[outcome.behavior] = (counts[outcome.behavior] ?? 0) + 1
    const without = direct[name]
    const same = without !== undefined && ended(outcome) === ended(without)
    if (!same) otherwise++
    if (same && outcome.behavior !== 'FAILED') continue
    const beside = same ? 'as without the gateway' : `without the gateway ${without && ended(without)}`
    console.log(`${mode} ${name}: ${ended(outcome)}, ${beside}: ${reason(mode, outcome)}`)
  }
  const shown = Object.entries(counts).map(([behavior, n]) => `${n} ${behavior}`).join(', ')
  console.log(`suite as ${mode}: ${shown}; ${otherwise} otherwise than without the gateway; ${seconds(gateway)} s, without ${seconds(direct)} s`)
  if (otherwise > 0 || Object.keys(gateway).length === 0) process.exitCode = 1
}

function ended ({ behavior, behaviorClose }: Outcome): string {
  return `${behavior}/${behaviorClose}`
}

/** The suite's own words. */
function reason (mode: string, { reportfile }: Outcome): string {
  return (JSON.parse(readFileSync(join(folder, mode, reportfile), 'utf8')) as { result: string }).result
}

function seconds (outcomes: Readonly<Record<string, Outcome>>): number {
  return Math.round(Object.values(outcomes).reduce((sum, { duration }) => sum + duration, 0) / 1000)
}

async function freePort (): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => { server.listen(0, '127.0.0.1', resolve) })
  const { port } = server.address() as AddressInfo
  await new Promise(resolve => server.close(resolve))
  return port
}

async function listening (port: number): Promise<void> {
  for (const end = Date.now() + 30_000; Date.now() < end; await sleep(100)) {
    const socket = connect({ port, host: '127.0.0.1' })
    const open = await new Promise<boolean>(resolve => {
      socket.once('connect', () => resolve(true))
      socket.once('error', () => resolve(false))
    })
    socket.destroy()
    if (open) return
  }
  throw new Error('the suite did not listen within 30 s')
}
