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
import { parseArgs } from 'node:util'
import { WebSocket, WebSocketServer } from 'ws'
import { runSuite, startGateway } from './gateway-process.ts'

const { values } = parseArgs({ options: { mode: { type: 'string' }, cases: { type: 'string', default: '*' } } })
const WSTEST = process.env['WSTEST'] ?? 'wstest'
const MAX_MESSAGE_BYTES = 64 * 1024 * 1024
/** The longest case: a thousand compressed messages of 128 KiB. */
const CASE_MS = 120_000

interface Outcome { readonly behavior: string, readonly behaviorClose: string }
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
  const echo = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: true, maxPayload: MAX_MESSAGE_BYTES })
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
  const socket = new WebSocket(url, { perMessageDeflate: true, maxPayload: MAX_MESSAGE_BYTES })
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
  for (const [name, { behavior, behaviorClose }] of Object.entries(gateway)) {
    counts[behavior] = (counts[behavior] ?? 0) + 1
    const without = direct[name]
    if (without?.behavior === behavior && without.behaviorClose === behaviorClose) continue
    otherwise++
    console.log(`${mode} ${name}: ${behavior}/${behaviorClose}, without the gateway ${without?.behavior}/${without?.behaviorClose}`)
  }
  const shown = Object.entries(counts).map(([behavior, n]) => `${n} ${behavior}`).join(', ')
  console.log(`suite as ${mode}: ${shown}; ${otherwise} otherwise than without the gateway`)
  if (otherwise > 0 || Object.keys(gateway).length === 0) process.exitCode = 1
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
