/** Interim answers (1xx): passed on as they come, and an instance that sends them without end has failed. */
import { connect as connectHttp2, createServer as createHttp2, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { ask } from './http2-client.ts'
import { named, pour, RawClient, RawUpstream, route, startDataPlane, statusOf, until } from './raw.ts'

const raw = await new RawUpstream().listen()
t.beforeEach(() => raw.reset())
t.teardown(() => raw.close())

const HINT = 'HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n'

/** Sends `head` for as long as the gateway listens. */
function endless (head: string): void {
  raw.onHead = (peer) => pour(peer.socket, () => {}, Buffer.from(head.repeat(100), 'latin1'))
}

const ENDLESS: Readonly<Record<string, string>> = {
  103: HINT, 102: 'HTTP/1.1 102 Processing\r\n\r\n', 100: 'HTTP/1.1 100 Continue\r\n\r\n', 199: 'HTTP/1.1 199 X\r\n\r\n',
  long: `HTTP/1.1 103 Early Hints\r\nLink: <${'x'.repeat(30_000)}>\r\n\r\n`
}

t.test('interim answers without end are 502, whatever their status, over HTTP/1.1 and HTTP/2', async (t) => {
  const { dataPlane, port, url } = await startDataPlane([route('all', raw.url, '/**')])
  t.teardown(() => dataPlane.stop(0))
  const session = connectHttp2(url)
  t.teardown(() => session.destroy())
  for (const [kind, head] of Object.entries(ENDLESS)) {
    raw.reset()
    endless(head)
    const client = new RawClient(port).send('GET /x HTTP/1.1\r\nHost: h\r\n\r\n')
    await client.until((received) => received.includes('HTTP/1.1 502'), kind)
    t.ok(client.received.length < 100_000, `${kind}: ${client.received.length} bytes of them`)
    client.socket.destroy()
    t.equal((await ask(session, { ':path': '/x' })).status, 502, `${kind} over HTTP/2`)
    await until(() => raw.peers.every(({ closed }) => closed), 'the instance to be left')
  }
})

t.test('a bound of one exchange: its tries do not begin to count anew', async (t) => {
  const { dataPlane, port } = await startDataPlane([
    route('all', raw.url, '/**', { filters: [named('Retry', { retries: '5', statuses: 'SERVICE_UNAVAILABLE' })] })
  ])
  t.teardown(() => dataPlane.stop(0))
  raw.answerWith(`${HINT.repeat(12)}HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n`)
  const client = new RawClient(port).send('GET /x HTTP/1.1\r\nHost: h\r\n\r\n')
  await client.until((received) => /HTTP\/1\.1 50\d/.test(received))
  t.equal(client.received.match(/HTTP\/1\.1 103/g)?.length, 32)
  t.equal(statusOf(client.received.slice(client.received.lastIndexOf('HTTP/1.1'))), 502)
  client.socket.destroy()
})

t.test('as many as a service sends pass', async (t) => {
  const { dataPlane, port } = await startDataPlane([route('all', raw.url, '/**')])
  t.teardown(() => dataPlane.stop(0))
  raw.answerWith(`${HINT.repeat(32)}HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok`)
  const client = new RawClient(port)
  for (let nth = 1; nth <= 2; nth++) {
    const before = client.received.length
    client.send('GET /x HTTP/1.1\r\nHost: h\r\n\r\n')
    await client.until((received) => received.slice(before).endsWith('ok'))
    t.equal(client.received.slice(before).match(/HTTP\/1\.1 103/g)?.length, 32, 'none is left over for the next request')
  }
  client.socket.destroy()
})

/** An instance over HTTP/2 that sends them for ever. */
async function endlessHttp2 (t: Test): Promise<string> {
  const server = createHttp2()
  server.on('stream', (stream: ServerHttp2Stream) => {
    stream.on('error', () => {})
    const more = (): void => {
      for (let nth = 0; nth < 50 && !stream.destroyed && !stream.closed; nth++) stream.additionalHeaders({ ':status': 103, link: '</x>' })
      if (!stream.destroyed && !stream.closed) setImmediate(more)
    }
    more()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

t.test('an instance over HTTP/2 is bounded as well', async (t) => {
  const { dataPlane, port } = await startDataPlane([route('all', await endlessHttp2(t), '/**', { metadata: { http2: true } })])
  t.teardown(() => dataPlane.stop(0))
  const client = new RawClient(port).send('GET /x HTTP/1.1\r\nHost: h\r\n\r\n')
  await client.until((received) => received.includes('HTTP/1.1 502'))
  t.ok(client.received.length < 100_000)
  client.socket.destroy()
})
