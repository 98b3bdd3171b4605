/** A real gateway in this process: settings from YAML text, instances that the test moves, upstreams on free ports. */
import { spawn, type ChildProcess } from 'node:child_process'
import { createServer, request as httpRequest, type IncomingHttpHeaders, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import type { DiscoveryClient, InstancesListener, ServiceInstance } from '@breakwater/starter/discovery'
import { createLogger } from '@breakwater/starter/logger'
import { loadSettings } from '@breakwater/starter/settings'
import type { Clock } from '../clock.ts'
import { startGateway, type RunningGateway } from '../start.ts'
import { createDataPlane } from '../workers/data-plane.ts'
import { instance } from './exchange.ts'

const TOKEN = 'token-of-the-test'
/** Who may change what the gateways of these tests do. */
export const AS_ADMIN = { authorization: `Bearer ${TOKEN}` }

/** Discovery in the test's hands. */
export class TestDiscovery implements DiscoveryClient {
  readonly description = 'test'
  connected = true
  readonly #known = new Map<string, readonly ServiceInstance[]>()
  readonly #listeners = new Set<InstancesListener>()
  async start (): Promise<void> {}
  async stop (): Promise<void> {}
  instances (service: string): readonly ServiceInstance[] { return this.#known.get(service) ?? [] }
  services (): readonly string[] { return [...this.#known.keys()] }
  watch (_service: string, listener: InstancesListener): () => void {
    this.#listeners.add(listener)
    for (const [service, instances] of this.#known) listener(service, instances)
    return () => this.#listeners.delete(listener)
  }

  set (service: string, ports: readonly number[], extra: Partial<ServiceInstance> = {}): void {
    const instances = ports.map(port => instance(`${service}-${port}`, port, { serviceId: service, ...extra }))
    this.#known.set(service, instances)
    for (const listener of this.#listeners) listener(service, instances)
  }
}

export interface Harness extends RunningGateway {
  readonly discovery: TestDiscovery
  readonly log: string[]
  readonly folder: string
}

/**
 * Starts one; it ends with the test. By `clock` its deadlines are reckoned; `ownDiscovery`: it asks whom its settings
 * say instead of the test. `compilerModule`: what the threads compile with.
 */
export async function gateway (t: Test, yaml: string, services: Record<string, number[]> = {},
  env: Record<string, string> = {}, clock?: Clock, ownDiscovery = false,
  compilerModule?: string): Promise<Harness> {
  const folder = await mkdtemp(join(tmpdir(), 'gateway-test-'))
  // Before the start, which some tests expect to fail.
  t.teardown(() => rm(folder, { recursive: true }))
  await writeYaml(folder, yaml)
  const tokenFile = join(folder, 'admin-token')
  await writeFile(tokenFile, TOKEN, { mode: 0o600 })
  // One event loop, in this thread, unless the test wants more: it starts at once, and its clock can be held.
  const settings = await loadSettings({
    name: 'gateway', file: join(folder, 'application.yml'), env: {
      BREAKWATER_GATEWAY_WORKERS: '0', BREAKWATER_SECURITY_ADMINTOKENFILE: tokenFile, ...env
    }
  })
  const lines: string[] = []
  const log = createLogger({ name: 'gateway', level: 'debug', destination: { write: line => { lines.push(line) } } })
  const discovery = new TestDiscovery()
  for (const [service, ports] of Object.entries(services)) discovery.set(service, ports)
  const parts = { ...clock === undefined ? {} : { clock }, ...compilerModule === undefined ? {} : { compilerModule } }
  const running = await startGateway({
    settings, log, ...ownDiscovery ? {} : { discovery },
    dataPlane: (options, tell) => createDataPlane(options, tell, parts)
  })
  t.teardown(async () => {
    await running.stop()
    settings.close()
  })
  return Object.assign(running, { discovery, log: lines, folder })
}

/** Writes the settings anew, ports and all. */
export async function writeYaml (folder: string, yaml: string): Promise<void> {
  await writeFile(join(folder, 'application.yml'), `server: { port: 0 }\nmanagement.server: { port: 0 }\n${yaml}`)
}

export interface Upstream {
  readonly port: number
  readonly server: Server
  readonly calls: () => number
}

/** An HTTP server that ends with the test; `calls` counts. */
export async function upstream (t: Test, listener: RequestListener): Promise<Upstream> {
  let calls = 0
  const server = createServer((request, response) => {
    calls++
    listener(request, response)
  }).listen(0, '127.0.0.1')
  // A POST on a connection that it closes in the same moment would be a 502.
  server.keepAliveTimeout = 0
  await new Promise(resolve => server.once('listening', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port, server, calls: () => calls }
}

/** Answers what it was asked, as JSON. */
export const echo: RequestListener = (request, response) => {
  const parts: Buffer[] = []
  request.on('data', (part: Buffer) => parts.push(part))
  request.on('end', () => {
    response.setHeader('content-type', 'application/json')
    const { method, url, headers } = request
    response.end(JSON.stringify({ method, url, headers, body: Buffer.concat(parts).toString() }))
  })
}

export interface ServerProcess {
  readonly url: string
  readonly management: string
  readonly child: ChildProcess
}

/** A Node process without the test runner's hooks, which it puts into NODE_OPTIONS of every child. */
export function plainNode (args: readonly string[]): ChildProcess {
  return spawn('env', ['-u', 'NODE_OPTIONS', process.execPath, ...args],
    { stdio: ['ignore', 'ignore', 'pipe', 'ipc'], env: { PATH: process.env['PATH'] } })
}

/**
 * Starts a server of the platform as a process of its own, without the test runner's hooks, and waits until it is
 * ready; rejects with what it printed when it ends instead.
 */
export async function server (t: Test, script: string, yaml: string): Promise<ServerProcess> {
  const folder = await mkdtemp(join(tmpdir(), 'gateway-test-'))
  const file = join(folder, 'application.yml')
  await writeFile(file, yaml)
  const child = plainNode([join(import.meta.dirname, '../..', script), `--config=${file}`])
  let printed = ''
  child.stderr?.on('data', (text: Buffer) => { printed += text.toString() })
  t.teardown(async () => {
    child.kill('SIGKILL')
    await rm(folder, { recursive: true })
  })
  const ready = await new Promise<{ url: string, management: string }>((resolve, reject) => {
    child.once('message', message => resolve(message as { url: string, management: string }))
    child.once('close', () => reject(new Error(printed)))
  })
  return { ...ready, child }
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
  readonly elapsedMs: number
}

export interface CallOptions {
  readonly method?: string
  readonly headers?: Record<string, string>
  readonly body?: string | Buffer
}

/** One request on a connection of its own. */
export function call (url: string, { method = 'GET', headers = {}, body }: CallOptions = {}): Promise<Answer> {
  const startedMs = performance.now()
  return new Promise((resolve, reject) => {
    const sent = httpRequest(url, { method, headers, agent: false }, response => {
      const parts: Buffer[] = []
      response.on('data', (part: Buffer) => parts.push(part))
      response.on('error', reject)
      response.on('end', () => resolve({
        status: response.statusCode ?? 0,
        headers: response.headers,
        body: Buffer.concat(parts).toString(),
        elapsedMs: performance.now() - startedMs
      }))
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

/** Waits for a condition, 90 s at most. */
export async function until (what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const endMs = performance.now() + 90_000
  while (!await condition()) {
    if (performance.now() > endMs) throw new Error(`waited 90 s in vain for: ${what}`)
    await sleep(20)
  }
}
