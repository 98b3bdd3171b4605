/** RemoveJsonAttributesResponseBody through a gateway: numbers, codings, ranges, what cannot be read. */
import t from 'tap'
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib'
import { call, gateway, upstream } from './harness.ts'

const yaml = `
spring.cloud.gateway.routes:
  - { id: cut, uri: lb://users, predicates: [ Path=/** ], filters: [ RemoveJsonAttributesResponseBody=id ] }
`

interface Given { readonly body: Buffer | string, readonly headers?: Record<string, string>, readonly status?: number }

const JSON_TYPE = { 'content-type': 'application/json' }

t.test('answers of a service', async t => {
  let given: Given = { body: '' }
  let range: string | undefined
  const { port } = await upstream(t, (request, response) => {
    range = request.headers.range
    response.writeHead(given.status ?? 200, { ...JSON_TYPE, ...given.headers })
    response.end(given.body)
  })
  const { url } = await gateway(t, yaml, { users: [port] })
  const answer = async (one: Given, headers: Record<string, string> = {}) => {
    given = one
    return call(`${url}/x`, { headers })
  }
  const text = '{"id":1,"orderId":1234567890123456789,"v":1e400}'
  const kept = '{"orderId":1234567890123456789,"v":1e400}'
  t.match(await answer({ body: text }), { status: 200, body: kept })
  const codings: Array<[string, Buffer]> = [['gzip', gzipSync(text)], ['x-gzip', gzipSync(text)], ['deflate', deflateSync(text)], ['deflate', deflateRawSync(text)],
    ['br', brotliCompressSync(text)], ['GZIP', gzipSync(text)], ['identity', Buffer.from(text)], ['gzip, br', brotliCompressSync(gzipSync(text))]]
  for (const [coding, body] of codings) {
    const found = await answer({ body, headers: { 'content-encoding': coding, etag: '"a"', 'content-md5': 'x', 'last-modified': 'y' } })
    t.match(found, { status: 200, body: kept, headers: { 'content-length': String(kept.length), 'last-modified': 'y' } }, coding)
    t.strictSame([found.headers['content-encoding'], found.headers.etag, found.headers['content-md5']], [coding === 'identity' ? coding : undefined, undefined, undefined], coding)
  }
  t.match(await answer({ body: kept, headers: { etag: '"a"' } }), { body: kept, headers: { etag: '"a"' } }, 'nothing was cut')
  t.match(await answer({ body: '' }), { status: 200, body: '' })
  t.match(await answer({ body: text, headers: { 'content-type': 'text/plain' } }), { body: text }, 'no JSON')
  await answer({ body: text }, { range: 'bytes=0-3' })
  t.equal(range, undefined, 'of a part nothing could be cut')
  for (const [what, one] of Object.entries({
    'no JSON': { body: '{"id":1' }, 'not what it says': { body: 'abc', headers: { 'content-encoding': 'gzip' } },
    'a coding nobody knows': { body: text, headers: { 'content-encoding': 'zstd-2' } },
    'coded again and again': { body: gzipSync(gzipSync(gzipSync(gzipSync(text)))), headers: { 'content-encoding': 'gzip, gzip, gzip, gzip' } }
  })) t.equal((await answer(one)).status, 500, what)
  t.equal((await answer({ body: gzipSync(Buffer.alloc(4 * 1024 * 1024 + 1)), headers: { 'content-encoding': 'gzip' } })).status, 502, 'a decompression bomb')
})
