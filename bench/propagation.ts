/**
 * `npm run bench:propagation`: from a registration to the gateway routing to it, and from a cancel to it not doing so.
 *
 * One registry, two gateways: one that is pushed to, one that polls once a second as its peer. (Spring's clients poll
 * every 30 s behind a cache of 30 s, and its gateway's balancer keeps a list for 35 s: the registration takes 33 s in
 * the median there.) Flags: --trials N (20).
 */
import { randomUUID } from 'node:crypto'
import { createServer, Agent, get, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fork, type ChildProcess } from 'node:child_process'
import { readFlags } from '../scripts/flags.ts'
import { median } from './lib/rounds.ts'

const ROOT = path.join(import.meta.dirname, '..')
const ROUTES = `
spring.cloud.gateway.server.webflux.routes:
  - id: probe
    uri: lb://probe
    predicates: [ Path=/** ]
`
const DEADLINE_MS = 60_000

async function launch (script: string, args: readonly string[]): Promise<{ child: ChildProcess, url: string }> {
  const child = fork(path.join(ROOT, script), ['--port=0', ...args], { silent: true })
  const url = await new Promise<string>((resolve, reject) => {
    child.once('message', message => { resolve((message as { url: string }).url) })
    child.once('exit', code => { reject(new Error(`${script} exited with ${code}`)) })
  })
  return { child, url }
}

function statusOf (url: string, agent: Agent): Promise<number> {
  return new Promise(resolve => {
    get(url, { agent }, response => {
      response.resume().on('end', () => { resolve(response.statusCode ?? 0) })
    }).on('error', () => { resolve(0) })
  })
}

/** Milliseconds until the gateway answers with that status. */
async function untilStatus (gateway: string, agent: Agent, status: number): Promise<number> {
  const started = performance.now()
  while (await statusOf(gateway, agent) !== status) {
    if (performance.now() - started > DEADLINE_MS) throw new Error(`${gateway} never answered ${status}`)
    await new Promise(resolve => { setTimeout(resolve, 1) })
  }
  return performance.now() - started
}

async function untilAll (
  gateways: ReadonlyMap<string, string>, agent: Agent, status: number
): Promise<Map<string, number>> {
  const waits = [...gateways].map(async ([name, url]) => [name, await untilStatus(url, agent, status)] as const)
  return new Map(await Promise.all(waits))
}

async function listen (server: Server): Promise<number> {
  await new Promise<void>(resolve => { server.listen(0, '127.0.0.1', resolve) })
  return (server.address() as AddressInfo).port
}

function instanceOf (id: string, port: number) {
  return {
    instance: {
      instanceId: id, hostName: '127.0.0.1', app: 'PROBE', ipAddr: '127.0.0.1', status: 'UP', vipAddress: 'probe',
      port: { $: port, '@enabled': 'true' },
      dataCenterInfo: { '@class': 'com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo', name: 'MyOwn' }
    }
  }
}

async function trial (registry: string, gateways: ReadonlyMap<string, string>, agent: Agent) {
  const server = createServer((_request, response) => { response.end('ok') })
  const port = await listen(server)
  const id = randomUUID()
  const headers = { 'content-type': 'application/json' }
  await fetch(`${registry}/eureka/apps/PROBE`, { method: 'POST', headers, body: JSON.stringify(instanceOf(id, port)) })
  const found = await untilAll(gateways, agent, 200)
  await fetch(`${registry}/eureka/apps/PROBE/${id}`, { method: 'DELETE' })
  const lost = await untilAll(gateways, agent, 503)
  server.closeAllConnections()
  server.close()
  return { found, lost }
}

const values = readFlags(import.meta.filename, { trials: { type: 'string' } })
const folder = mkdtempSync(path.join(tmpdir(), 'breakwater-propagation-'))
const config = path.join(folder, 'application.yml')
writeFileSync(config, ROUTES)
const registry = await launch('discovery/main.ts', [])
const gatewayArgs = [
  `--config=${config}`, '--management.server.port=0', `--eureka.client.service-url.defaultZone=${registry.url}/eureka/`
]
const pushed = await launch('gateway/main.ts', gatewayArgs)
const polling = await launch('gateway/main.ts',
  [...gatewayArgs, '--breakwater.discovery.push=false', '--eureka.client.registry-fetch-interval-seconds=1'])
const agent = new Agent({ keepAlive: true })
try {
  const gateways = new Map([['pushed', pushed.url], ['polling every second', polling.url]])
  const trials: Awaited<ReturnType<typeof trial>>[] = []
  for (let n = 0; n < Number(values.trials ?? 20); n++) trials.push(await trial(registry.url, gateways, agent))
  const rows = [...gateways.keys()].map(name => {
    const found = trials.map(one => one.found.get(name) ?? Number.NaN)
    const lost = trials.map(one => one.lost.get(name) ?? Number.NaN)
    return { gateway: name, registered: median(found), slowest: Math.max(...found), cancelled: median(lost) }
  })
  console.log(`milliseconds, median of ${trials.length} trials`)
  console.table(rows.map(({ gateway, ...figures }) => ({
    gateway, ...Object.fromEntries(Object.entries(figures).map(([key, value]) => [key, value.toFixed(1)]))
  })))
  const [push, poll] = rows
  if (push !== undefined && poll !== undefined) {
    console.log(`pushed is ${(poll.registered / push.registered).toFixed(0)}x faster than polling every second`)
  }
} finally {
  agent.destroy()
  for (const { child } of [registry, pushed, polling]) child.kill('SIGTERM')
  rmSync(folder, { recursive: true, force: true })
}
