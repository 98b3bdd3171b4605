/** Event loops as a whole: workers, swaps under load, drain, take-over by another process, counters, access log. */
import { fork, type ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { Agent, createServer, get } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import t from 'tap'
import { DATA_PLANE_DEFAULTS } from '../data-plane-options.ts'
import { ROUTING_DEFAULTS } from '../options.ts'
import { createDataPlane } from '../workers/data-plane.ts'
import { named, RawClient, RawUpstream, route, startDataPlane, statusOf, until } from './raw.ts'

const upstream = createServer((_request, response) => response.end('ok'))
await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve))
const upstreamUrl = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`
t.teardown(() => {
  upstream.close()
  upstream.closeAllConnections()
})

interface Load {
  readonly done: number
  readonly faults: readonly string[]
  stop (): Promise<void>
}

/** Eight clients that ask as fast as they are answered, each on its kept-alive connection. */
function load (port: () => number): Load {
  const agent = new Agent({ keepAlive: true, maxSockets: 8 })
  const state = { done: 0, faults: [] as string[], running: true }
  const ask = (): Promise<void> => new Promise((resolve) => {
    get({ port: port(), host: '127.0.0.1', path: '/x', agent }, (response) => {
      if (response.statusCode !== 200) state.faults.push(`status ${response.statusCode}`)
      response.resume().on('end', () => { state.done++; resolve() }).on('error', (fault) => { state.faults.push(String(fault)); resolve() })
    }).on('error', (fault) => { state.faults.push(String(fault)); resolve() })
  })
  const clients = Array.from({ length: 8 }, async () => { while (state.running) await ask() })
  return {
    get done () { return state.done },
    get faults () { return state.faults },
    async stop () {
      state.running = false
      await Promise.all(clients)
      agent.destroy()
    }
  }
}

t.test('Two workers share a port, their counters add up, and one that dies is replaced', async (t) => {
  const logged: string[] = []
  const compilerModule = new URL('./dying-compiler.ts', import.meta.url).href
  const options = { ...DATA_PLANE_DEFAULTS, port: 0, workers: 2 }
  const dataPlane = createDataPlane(options, (_level, message) => logged.push(message), { compilerModule })
  t.teardown(() => dataPlane.stop(0))
  const { port } = await dataPlane.start()
  const routes = [route('all', upstreamUrl, '/**')]
  const snapshot = { routes, defaultFilters: [], options: ROUTING_DEFAULTS, instances: {} }
  await dataPlane.apply(snapshot)
  const ask = async (): Promise<number> => {
    const client = new RawClient(port).send('GET /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n')
    return statusOf(await client.end())
  }
  for (let n = 0; n < 20; n++) t.equal(await ask(), 200)
  const counted = async (): Promise<number> => {
    const { requests } = await dataPlane.metrics()
    return requests.find((cell) => cell.status === 200)?.count ?? 0
  }
  // A worker that is kept from answering for a second is counted as it was last.
  await until(async () => await counted() === 20, 'all to be counted')
  await dataPlane.ask('die')
  await until(() => logged.filter((line) => line.includes('asked to die')).length === 2, 'both to die')
  await until(() => dataPlane.workersAlive === 2, 'both to be replaced')
  // A thread that lives may not listen yet.
  let served = false
  for (const endMs = performance.now() + 30_000; !served && performance.now() < endMs;) served = await ask() === 200
  t.ok(served, 'the new workers serve the newest routes')
  await until(async () => await counted() >= 21, 'the new and what the dead had counted')
})

t.test('Routes changed ten times a second under load: not one request fails', async (t) => {
  const gateway = await startDataPlane([route('all', upstreamUrl, '/**')], { workers: 2 })
  t.teardown(() => gateway.dataPlane.stop(0))
  const clients = load(() => gateway.port)
  for (let n = 0; n < 20; n++) {
    const filters = [named('AddRequestHeader', { name: 'X-N', value: String(n) })]
    await gateway.apply([route(`extra-${n}`, upstreamUrl, `/extra-${n}`), route('all', upstreamUrl, '/**', { filters })])
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  await until(() => clients.done > 100, 'a hundred requests')
  await clients.stop()
  t.same(clients.faults, [])
})

t.test('A snapshot with a fault is refused whole, the old routes go on', async (t) => {
  const gateway = await startDataPlane([route('all', upstreamUrl, '/**')], { workers: 1 })
  t.teardown(() => gateway.dataPlane.stop(0))
  await t.rejects(gateway.apply([route('bad', upstreamUrl, '/**', { filters: [named('NoSuchFilter')] })]), /NoSuchFilter/)
  const client = new RawClient(gateway.port).send('GET /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n')
  t.equal(statusOf(await client.end()), 200)
})

const skip = process.platform === 'linux' ? false : 'SO_REUSEPORT shares a port between processes on Linux only'

t.test('A second process takes the port over under load: not one request fails', { skip }, async (t) => {
  const started: ChildProcess[] = []
  t.teardown(() => { for (const child of started) child.kill('SIGKILL') })
  const start = async (port: number): Promise<readonly [ChildProcess, number]> => {
    const child = fork(path.join(import.meta.dirname, 'serve.ts'), [String(port), upstreamUrl])
    started.push(child)
    return [child, await new Promise<number>((resolve, reject) => {
      child.once('message', (message) => resolve(Number(message)))
      child.once('exit', (code) => reject(new Error(`ended with ${code}`)))
    })]
  }
  const [first, port] = await start(0)
  const clients = load(() => port)
  await until(() => clients.done > 50, 'the load')
  await start(port)
  const ended = new Promise((resolve) => first.once('exit', resolve))
  first.kill('SIGTERM')
  t.equal(await ended, 0, 'the first has drained')
  const before = clients.done
  await until(() => clients.done > before + 50, 'the second to serve')
  await clients.stop()
  t.same(clients.faults, [])
})

t.test('Drain: what is under way is finished and told to close, quiet connections are closed, late ones refused', async (t) => {
  const raw = await new RawUpstream().listen()
  t.teardown(() => raw.close())
  const gateway = await startDataPlane([route('all', raw.url, '/**')])
  raw.onHead = () => {}
  const busy = new RawClient(gateway.port).send('GET /x HTTP/1.1\r\nHost: h\r\n\r\n')
  const quiet = new RawClient(gateway.port)
  await until(() => raw.peers[0]?.heads === 1, 'the call')
  const stopped = gateway.dataPlane.stop(30_000)
  await quiet.end()
  raw.peers[0]!.socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
  t.match(await busy.end(), /^HTTP\/1\.1 200 OK\r\n[^]*connection: close\r\n\r\nok$/)
  await stopped
  const late = new RawClient(gateway.port)
  await late.end()
  t.equal(late.errorCode, 'ECONNREFUSED')
})

t.test('What stops the first workers stops the start, with its code and without a replacement', async (t) => {
  const foreign = createServer()
  await new Promise<void>((resolve) => foreign.listen(0, '127.0.0.1', resolve))
  t.teardown(() => foreign.close())
  const { port } = foreign.address() as AddressInfo
  const start = async (more: Partial<typeof DATA_PLANE_DEFAULTS>): Promise<unknown> => {
    const logged: string[] = []
    const options = { ...DATA_PLANE_DEFAULTS, port: 0, workers: 2, ...more }
    const dataPlane = createDataPlane(options, (_level, message) => logged.push(message))
    const fault: unknown = await dataPlane.start().catch((failure: unknown) => failure)
    t.strictSame(logged, [])
    return fault
  }
  t.match(await start({ port }), {
    code: 'E_GATEWAY_LISTEN', message: new RegExp(`^cannot listen on 127.0.0.1:${port}: listen EADDRINUSE[^.]*127.0.0.1:${port}\\. Another process`)
  })
  const certificates = [{ serverNames: [], from: { certificateFile: '/nowhere/cert.pem', keyFile: '/nowhere/key.pem' } }]
  const tls = { certificates, handshakeTimeoutMs: 1_000, reloadIntervalMs: 1_000, clients: undefined }
  t.match(await start({ tls }), {
    code: 'E_GATEWAY_CERTIFICATE', message: / in \/nowhere\/cert\.pem, \/nowhere\/key\.pem cannot be used: ENOENT.*'\. PEM files must belong together/
  })
})

t.test('The access log has a JSON line for every request, without the query', async (t) => {
  const file = path.join(t.testdir({}), 'access.log')
  const routes = [route('all', upstreamUrl, '/a/**')]
  const gateway = await startDataPlane(routes, { service: 'edge "é"', accessLog: { enabled: true, file } })
  await new RawClient(gateway.port).send('GET /a/"x?token=secret HTTP/1.1\r\nHost: h\r\nX-Request-Id: my-id\r\nConnection: close\r\n\r\n').end()
  await new RawClient(gateway.port).send('BROKEN\r\n\r\n').end()
  await gateway.dataPlane.stop(1_000)
  const lines = readFileSync(file, 'utf8').trim().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>)
  t.match(lines[0], { level: 'info', service: 'edge "é"', logger: 'access', method: 'GET', path: '/a/"x', route: 'all', status: 200 })
  t.match(lines[0], { requestId: 'my-id', remote: '127.0.0.1', attempts: 1, msg: 'request' })
  t.match(lines[1], { status: 400, failure: 'malformed request' })
  t.notMatch(readFileSync(file, 'utf8'), /secret/)
})

t.test('The access log on stdout: every line, whole, also when its reader pauses', async (t) => {
  const args = ['0', upstreamUrl, 'log']
  const child = fork(path.join(import.meta.dirname, 'serve.ts'), args, { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] })
  t.teardown(() => child.kill('SIGKILL'))
  let printed = ''
  child.stdout!.setEncoding('utf8').on('data', (text: string) => { printed += text }).pause()
  const port = await new Promise<number>((resolve) => child.once('message', (message) => resolve(Number(message))))
  // Several times what a pipe holds.
  const request = `GET /${'x'.repeat(1_000)} HTTP/1.1\r\nHost: h\r\n\r\n`
  for (let n = 0; n < 10; n++) {
    const client = new RawClient(port).send(request.repeat(100))
    await client.answers(100)
    client.socket.destroy()
  }
  child.stdout!.resume()
  const ended = new Promise((resolve) => child.once('close', resolve))
  child.kill('SIGTERM')
  await ended
  const lines = printed.trimEnd().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>)
  t.equal(lines.length, 1_000)
  t.ok(lines.every(({ status }) => status === 200))
})
