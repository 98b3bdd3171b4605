/** A stream of HTTP/2 as the socket that the data plane reads. */
import type { ServerHttp2Stream } from 'node:http2'
import { PassThrough } from 'node:stream'
import t from 'tap'
import type { ResponseHead } from '../http1/response-head.ts'
import { Bridge } from '../http2/bridge.ts'

const UPLOAD = 4_000_000

t.test('an upload stands still while nobody reads it, and comes whole when somebody does', async t => {
  const stream = new PassThrough()
  const bridge = new Bridge(stream as unknown as ServerHttp2Stream, {} as ResponseHead)
  const raw = [':method', 'POST', ':path', '/', ':authority', 'h', ':scheme', 'http']
  bridge.start(raw, { ':method': 'POST', ':path': '/', ':authority': 'h', 'content-length': String(UPLOAD) }, false)
  const piece = Buffer.alloc(16_000)
  for (let sent = 0; sent < UPLOAD; sent += piece.length) stream.write(piece)
  stream.end()
  for (let turn = 0; turn < 100; turn++) await new Promise(resolve => setImmediate(resolve))
  t.ok(stream.isPaused())
  t.ok(bridge.readableLength < 200_000, `${bridge.readableLength} bytes wait to be read`)
  let read = 0
  bridge.on('data', (bytes: Buffer) => { read += bytes.length })
  while (read < UPLOAD && !bridge.destroyed) await new Promise(resolve => setImmediate(resolve))
  t.ok(read >= UPLOAD && read < UPLOAD + 1_000, 'the head and the body, once')
  bridge.destroy()
})
