/** What clients that do not read cost the gateway: bounded by connections whatever the bodies; its loop goes on. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import path from 'node:path'
import t from 'tap'
import { setTimeout as sleep } from 'node:timers/promises'
import { LoopDelay } from '../metrics/loop-delay.ts'
import { sumMetrics } from '../metrics/sum.ts'
import { RawClient, until } from './raw.ts'

const READERS = 150
/** More than the kernel keeps of a connection, so that it is the gateway that has to stop. */
const BODY_BYTES = 64 * 1024 * 1024
/** docs/gateway-data-plane.md, "Limits": what one connection may hold in the gateway itself. */
const BOUND_BYTES = 256 * 1024

function rssBytes (pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1_024
}

const skip = process.platform === 'linux' ? false : 'resident memory is read from /proc'

t.test('readers that read nothing hold no more than the bound each, and others are served', { skip }, async (t) => {
  const chunk = Buffer.alloc(65_536, 0x61)
  let sent = 0
  let asked = 0
  const upstream = createServer((socket) => {
    socket.on('error', () => {})
    socket.on('data', (request) => {
      if (request.includes('/quick')) return void socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
      asked++
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${BODY_BYTES}\r\n\r\n`)
      const pour = (): void => {
        while (!socket.destroyed) {
          sent += chunk.length
          if (!socket.write(chunk)) return
        }
      }
      socket.on('drain', pour)
      pour()
    })
  })
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve))
  const { port: upstreamPort } = upstream.address() as AddressInfo
  const child = fork(path.join(import.meta.dirname, 'serve.ts'), ['0', `http://127.0.0.1:${upstreamPort}`, 'patient'])
  const clients: RawClient[] = []
  t.teardown(() => {
    for (const client of clients) client.socket.destroy()
    child.kill('SIGKILL')
    upstream.close()
  })
  const port = await new Promise<number>((resolve, reject) => {
    child.once('message', (message) => resolve(Number(message)))
    child.once('exit', (code) => reject(new Error(`ended with ${code}`)))
  })
  const quick = async (): Promise<void> => {
    const client = new RawClient(port).send('GET /quick HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n')
    t.match(await client.end(), /ok$/)
  }
  for (let n = 0; n < 20; n++) await quick()
  const before = rssBytes(child.pid!)
  for (let n = 0; n < READERS; n++) {
    const client = new RawClient(port)
    client.socket.pause()
    clients.push(client.send('GET /slow HTTP/1.1\r\nHost: h\r\n\r\n'))
  }
  await until(() => asked === READERS, 'all calls')
  let last = -1
  for (let still = 0; still < 3; await sleep(200)) {
    still = sent === last ? still + 1 : 0
    last = sent
  }
  const held = rssBytes(child.pid!) - before
  t.ok(held < READERS * BOUND_BYTES, `${Math.round(held / READERS / 1_024)} KiB by reader`)
  await quick()
})

const CONNECTIONS = 10_000

/** Why that many connections cannot be had here. */
function tooFew (): string | false {
  if (skip !== false) return skip
  const files = Number(/^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1])
  return files < CONNECTIONS + 1_000 && `a process may open ${files} files`
}

/** A connection that has had an answer and stays; addresses differ because each may have 8,000 only. */
async function served (port: number, localAddress: string): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', localAddress })
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject).once('close', () => reject(new Error('closed'))).once('data', (answer) => {
      if (answer.toString().startsWith('HTTP/1.1 200 OK')) resolve()
      else reject(new Error(answer.toString()))
    })
    socket.write('GET /x HTTP/1.1\r\nHost: h\r\n\r\n')
  })
  return socket
}

t.test('ten thousand connections at once: each is served, and again after all the others came', { skip: tooFew() }, async (t) => {
  const upstream = createServer((socket) => {
    socket.on('error', () => {}).on('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'))
  })
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve))
  const { port: upstreamPort } = upstream.address() as AddressInfo
  const child = fork(path.join(import.meta.dirname, 'serve.ts'), ['0', `http://127.0.0.1:${upstreamPort}`, 'patient'])
  const sockets: Socket[] = []
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    child.kill('SIGKILL')
    upstream.close()
  })
  const port = await new Promise<number>((resolve) => child.once('message', (message) => resolve(Number(message))))
  const before = rssBytes(child.pid!)
  while (sockets.length < CONNECTIONS) {
    sockets.push(...await Promise.all(Array.from({ length: 250 }, (_, n) => served(port, n % 2 === 0 ? '127.0.0.1' : '127.0.0.2'))))
  }
  t.ok(sockets.every((socket) => !socket.destroyed), 'none was closed for another')
  const eachBytes = (rssBytes(child.pid!) - before) / CONNECTIONS
  t.ok(eachBytes < 64 * 1024, `${Math.round(eachBytes / 1_024)} KiB by connection that waits`)
  const [first, last] = [sockets[0]!, sockets.at(-1)!]
  for (const socket of [first, last]) {
    socket.write('GET /x HTTP/1.1\r\nHost: h\r\n\r\n')
    const [answer] = await once(socket, 'data') as [Buffer]
    t.match(answer.toString(), /^HTTP\/1\.1 200 OK/)
  }
})

t.test('a loop that is held up says so', async (t) => {
  const delay = new LoopDelay(0)
  t.teardown(() => delay.stop())
  // Its first tick: what comes before is not measured.
  await sleep(50)
  for (const end = performance.now() + 150; performance.now() < end;);
  await until(() => delay.maxSeconds(1) > 0.1, 'the stall to be seen')
  t.ok(delay.maxSeconds(2) > 0.1, 'and as often as somebody asks')
})

t.test('a stall is told for at least the window after, then forgotten; of several loops the longest', async (t) => {
  const stalls = { max: 0, enable: () => true, disable: () => true, reset: () => { stalls.max = 0 } }
  const delay = new LoopDelay(0, stalls)
  t.equal(delay.maxSeconds(1), 0)
  stalls.max = 0.16e9
  t.same([1, 29_999, 30_000].map((nowMs) => delay.maxSeconds(nowMs)), [0.15, 0.15, 0.15], 'in its window')
  stalls.max = 0.03e9
  t.same([30_001, 59_999, 60_000].map((nowMs) => delay.maxSeconds(nowMs)), [0.15, 0.15, 0.15], 'and in the one after')
  t.equal(delay.maxSeconds(60_001).toFixed(3), '0.020')
  delay.maxSeconds(90_000)
  t.equal(delay.maxSeconds(90_001), 0)
  const delays = [0.2, 0.5, 0.1].map((seconds) => ({ x_delay_max_seconds: seconds, x_connections: 1 }))
  const { gauges } = sumMetrics(delays.map((one) => ({ requests: [], counters: {}, gauges: one })))
  t.same(gauges, { x_delay_max_seconds: 0.5, x_connections: 3 })
})
