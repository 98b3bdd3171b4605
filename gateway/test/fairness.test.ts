/** Nobody keeps the event loop from the others: large bodies take turns, and a busy loop still takes connections. */
import { connect, createServer, type AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { ReadTurns } from '../http1/read-turns.ts'
import { route, startDataPlane } from './raw.ts'

const BODY_BYTES = 48 * 1024 * 1024
const body = Buffer.alloc(BODY_BYTES)
/** What is read of one connection in one turn of the loop, at most. */
const READ_BYTES = 65_536

/** Counts the turns of this process's event loop, in which gateway, instance and client all run. */
function countTurns (): () => number {
  let turns = 0
  let ended = false
  const next = (): void => {
    turns++
    if (!ended) setImmediate(next)
  }
  setImmediate(next)
  return () => {
    ended = true
    return turns
  }
}

/** An instance that answers with a large body, or reads one and answers then. */
async function instance (t: Test): Promise<string> {
  const server = createServer((socket) => {
    let read = 0
    socket.on('error', () => {})
    socket.on('data', (chunk) => {
      if (chunk.includes('GET ')) socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${BODY_BYTES}\r\n\r\n`, () => socket.write(body))
      else if ((read += chunk.length) > BODY_BYTES) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function exchange (port: number, request: string, body: Buffer, answerBytes: number): Promise<void> {
  const socket = connect({ port, host: '127.0.0.1' })
  let read = 0
  await new Promise<void>((resolve, reject) => {
    socket.on('error', reject).on('data', (chunk) => { if ((read += chunk.length) >= answerBytes) resolve() })
    socket.write(request)
    socket.write(body)
  })
  socket.destroy()
}

t.test('no connection reads more than one buffer in a turn of the loop, down or up', async (t) => {
  const { port, dataPlane } = await startDataPlane([route('all', await instance(t), '/**')])
  t.teardown(() => dataPlane.stop(0))
  for (const [what, method, sent, answerBytes] of [
    ['down', 'GET', Buffer.alloc(0), BODY_BYTES], ['up', 'POST', body, 20]
  ] as const) {
    const turns = countTurns()
    await exchange(port, `${method} / HTTP/1.1\r\nHost: h\r\nContent-Length: ${sent.length}\r\n\r\n`, sent, answerBytes)
    t.ok(turns() >= BODY_BYTES / READ_BYTES, `${what}: ${turns()} turns for ${BODY_BYTES / READ_BYTES} buffers`)
  }
})

t.test('many who connect at once are accepted within a few turns', async (t) => {
  // Without a route the gateway answers by itself: no instance's own accepting is in the way.
  const { port, dataPlane } = await startDataPlane([])
  t.teardown(() => dataPlane.stop(0))
  const clients = 300
  const turns = countTurns()
  const request = 'GET / HTTP/1.1\r\nHost: h\r\n\r\n'
  await Promise.all(Array.from({ length: clients }, () => exchange(port, request, Buffer.alloc(0), 2)))
  // One a turn would take as many turns as there are clients.
  if (process.platform === 'linux') t.ok(turns() < clients / 2, `${turns()} turns for ${clients} connections`)
})

t.test('turns are given in the order of waiting, a few in each turn of the loop, and to all', async (t) => {
  const turns = new ReadTurns()
  const order: number[] = []
  for (let at = 0; at < 100; at++) turns.wait({ readOn: () => order.push(at) })
  const perTurn: number[] = []
  while (order.length < 100) {
    const before = order.length
    await new Promise((resolve) => { setImmediate(resolve) })
    perTurn.push(order.length - before)
  }
  t.strictSame(order, Array.from({ length: 100 }, (_, at) => at))
  t.ok(Math.max(...perTurn) <= 64, String(perTurn))
})

t.test('thousands of requests that are ready together are spread over turns of the loop', async (t) => {
  const { port, dataPlane } = await startDataPlane([])
  t.teardown(() => dataPlane.stop(0))
  const sockets = await Promise.all(Array.from({ length: 1_000 }, async () => {
    const socket = connect({ port, host: '127.0.0.1' })
    await new Promise((resolve, reject) => { socket.once('connect', resolve).once('error', reject) })
    return socket
  }))
  t.teardown(() => { for (const socket of sockets) socket.destroy() })
  // Twice: the first time connections are accepted, which takes turns as well.
  for (const turnsAtLeast of [15, 15]) {
    let answered = 0
    const turns = countTurns()
    const answers = sockets.map((socket) => new Promise<void>((resolve) => {
      socket.once('data', () => { answered++; resolve() })
    }))
    for (const socket of sockets) socket.write('GET / HTTP/1.1\r\nHost: h\r\n\r\n')
    await Promise.all(answers)
    t.equal(answered, sockets.length)
    t.ok(turns() >= turnsAtLeast, `${turns()} turns`)
  }
})
