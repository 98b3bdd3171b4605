/**
 * `node bench/slow-readers.ts [--readers 1000] [--kib 1024] [--seconds 5] [--json]`: what the gateway holds while
 * so many clients have asked for a body and do not read it, and whether its event loop is held up by them.
 *
 * Prints the gateway's resident memory before, while all wait, and after all have read, by reader; and the longest
 * stall. The bound is the one that docs/gateway-data-plane.md states and gateway/test/memory.test.ts checks.
 */
import { fork, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { readFlags } from '../scripts/flags.ts'
import { rssBytes } from './lib/machine.ts'

const values = readFlags(import.meta.filename, {
  readers: { type: 'string', default: '1000' }, kib: { type: 'string', default: '1024' },
  seconds: { type: 'string', default: '5' }, upstream: { type: 'boolean' }, json: { type: 'boolean' }
})
const readers = Number(values.readers)
const bodyBytes = Number(values.kib) * 1024
const DEADLINE_MS = 60_000
const WARM_UP_ROUNDS = 50

if (values.upstream === true) serveBodies()
else await measure()

/** A process of its own, so that its memory is not the gateway's: one body for every request. */
function serveBodies (): void {
  const answer = Buffer.concat([Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${bodyBytes}\r\n\r\n`), Buffer.alloc(bodyBytes, 0x61)])
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.on('data', () => socket.write(answer))
  })
  server.listen(0, '127.0.0.1', () => process.send!({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }))
  process.once('disconnect', () => process.exit(0))
}

interface Started { readonly child: ChildProcess, readonly url: string, readonly management: string }

async function launch (script: string, args: readonly string[]): Promise<Started> {
  const child = fork(script, args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  return await new Promise((resolve, reject) => {
    child.once('message', (message) => resolve({ child, ...message as { url: string, management: string } }))
    child.once('exit', (code) => reject(new Error(`${script} ended with ${code}`)))
  })
}

async function measure (): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'breakwater-slow-'))
  const upstream = await launch(import.meta.filename, ['--upstream', '--kib', values.kib])
  const file = path.join(folder, 'application.yml')
  const routes = `spring.cloud.gateway.routes: [ { id: all, uri: "${upstream.url}", predicates: [ "Path=/**" ] } ]`
  writeFileSync(file, `server: { port: 0 }\nmanagement.server: { port: 0 }\nbreakwater.gateway.workers: 1\n${routes}\n`)
  const gateway = await launch(path.join(import.meta.dirname, '../gateway/main.ts'), [`--config=${file}`])
  try {
    report(await read(gateway))
  } finally {
    gateway.child.kill()
    upstream.child.kill()
    rmSync(folder, { recursive: true, force: true })
  }
}

interface Figures {
  readonly before: number
  readonly held: number
  readonly after: number
  readonly stallBeforeMs: number
  readonly stallMs: number
}

async function read (gateway: Started): Promise<Figures> {
  const port = Number(new URL(gateway.url).port)
  const pid = gateway.child.pid!
  // At full speed first: compiled code, pools and buffers are there anyway.
  for (let round = 0; round < WARM_UP_ROUNDS; round++) {
    await Promise.all(Array.from({ length: 20 }, async () => finish(await ask(port))))
  }
  await sleep(1_000)
  const before = rssBytes(pid)
  const stallBeforeMs = await stall(gateway.management)
  const waiting = await Promise.all(Array.from({ length: readers }, () => ask(port)))
  await sleep(Number(values.seconds) * 1_000)
  const held = rssBytes(pid)
  await Promise.all(waiting.map(finish))
  const stallMs = await stall(gateway.management)
  return { before, held, after: rssBytes(pid), stallBeforeMs, stallMs }
}

/** Has asked, and reads nothing. */
async function ask (port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1' })
  socket.pause()
  await new Promise((resolve, reject) => { socket.once('connect', resolve).once('error', reject) })
  socket.write('GET /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n')
  return socket
}

/** Reads all there is; a body that is not whole ends the measurement. */
async function finish (socket: Socket): Promise<void> {
  let bytes = 0
  socket.on('data', (chunk) => { bytes += chunk.length }).resume()
  const timer = setTimeout(() => socket.destroy(), DEADLINE_MS)
  await new Promise((resolve) => { socket.once('close', resolve) })
  clearTimeout(timer)
  if (bytes < bodyBytes) throw new Error(`only ${bytes} bytes of a body came`)
}

async function stall (management: string): Promise<number> {
  const text = await (await fetch(`${management}/actuator/prometheus`)).text()
  return Number(/^breakwater_gateway_event_loop_delay_max_seconds (\S+)$/m.exec(text)?.[1]) * 1_000
}

function report ({ before, held, after, stallBeforeMs, stallMs }: Figures): void {
  const heldKib = (held - before) / readers / 1024
  if (values.json === true) return console.log(JSON.stringify({ heldKib, stallMs }))
  const mib = (bytes: number): string => (bytes / 1_048_576).toFixed(0)
  console.log(`${readers} readers of ${values.kib} KiB each
memory before ${mib(before)} MiB, while all wait ${mib(held)} MiB, after ${mib(after)} MiB
by reader ${heldKib.toFixed(0)} KiB
longest stall of the event loop ${stallMs.toFixed(0)} ms (${stallBeforeMs.toFixed(0)} ms until then)`)
}
