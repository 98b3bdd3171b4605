/** Packed lists are put together from blocks that were packed at different times; every reader takes them for one. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { crc32, gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import t from 'tap'
import { Block, gzip, shortBlock } from '../eureka/block.ts'
import { Buckets } from '../eureka/buckets.ts'
import { combineCrc } from '../eureka/crc.ts'
import { Payloads } from '../eureka/payloads.ts'
import { Book } from '../registry/book.ts'
import type { ListedApplication } from '../registry/listing.ts'
import { Clock, instance, rules } from './support/instances.ts'
import { call, register, startDiscovery } from './support/server.ts'

const run = promisify(execFile)
const seed = Date.now() & 0x7fffffff
t.comment(`seed ${seed}`)

t.test('the CRC of a whole is made from those of its parts', async t => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 5000 }), fc.uint8Array({ maxLength: 5000 }), (a, b) =>
    combineCrc(crc32(a), crc32(b), b.length) === crc32(Buffer.concat([a, b]))), { seed, numRuns: 300 })
  t.equal(combineCrc(7, crc32(Buffer.alloc(0)), 0), 7, 'nothing added changes nothing')
  const long = Buffer.alloc(3_000_000, 'long')
  t.equal(combineCrc(crc32('head'), crc32(long), long.length), crc32(Buffer.concat([Buffer.from('head'), long])))
})

t.test('blocks in a row are one member of gzip', async t => {
  const block = fc.oneof(fc.string({ unit: 'binary', maxLength: 300 }).map(shortBlock),
    fc.array(fc.uint8Array({ maxLength: 3000 }), { minLength: 1, maxLength: 3 }).map(parts => new Block(parts)))
  await fc.assert(fc.asyncProperty(fc.array(block, { maxLength: 12 }), async blocks => {
    const whole = Buffer.concat(blocks.map(one => one.bytes()))
    if (!gunzipSync(await gzip(blocks)).equals(whole)) throw new Error('differs')
    if (!gunzipSync(await gzip([...blocks, ...blocks])).equals(Buffer.concat([whole, whole]))) throw new Error('differs when reused')
  }), { seed, numRuns: 200 })
  t.pass()
})

t.test('a change packs its own bucket anew and no other', async t => {
  const fragments = new Map<string, Uint8Array>()
  const apps = new Map<string, ListedApplication>()
  const put = (name: string, fill: string, bytes = 30_000): void => {
    fragments.set(name, Buffer.alloc(bytes, fill))
    if (!apps.has(name)) apps.set(name, { name, version: 1, leases: new Map() })
  }
  const buckets = new Buckets('')
  const blocks = (): Block[] => buckets.blocks(apps, app => fragments.get(app.name)!)
  const text = (): string => Buffer.concat(blocks().map(block => block.bytes())).toString()
  for (let i = 0; i < 9; i++) put(`A${i}`, String(i))
  const before = blocks()
  t.equal(before.length, 3)
  t.strictSame(blocks(), before)
  put('A4', 'x')
  t.same(blocks().map((block, i) => block === before[i]), [true, false, true])
  const changed = blocks()
  apps.delete('A0')
  t.same(blocks().map((block, i) => block === changed[i]), [false, true, true], 'one that goes moves no other')
  put('B', 'b')
  t.match(text(), /^1+2+b+3+x+5+/, 'who comes takes the free place')
  for (const name of ['A3', 'A4', 'A5']) apps.delete(name)
  t.equal(blocks().length, 2, 'an empty bucket goes')
  t.equal(text().length, 6 * 30_000)
  apps.clear()
  t.same(blocks(), [])
  put('C', 'c')
  t.equal(text(), 'c'.repeat(30_000))
})

t.test('packed and plain lists say the same, whatever comes and goes', async t => {
  const words = ['A', 'B', 'C', '__PROTO__']
  const step = fc.record({ app: fc.constantFrom(...words), id: fc.nat(3), go: fc.boolean(), pad: fc.nat(30_000) })
  await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 15 }), async steps => {
    const book = new Book(rules(new Clock()))
    const payloads = new Payloads(book, () => 0)
    for (const { app, id, go, pad } of steps) {
      if (go) book.cancel(app, String(id))
      else book.register(instance({ app, instanceId: String(id), metadata: { pad: 'x'.repeat(pad) } }), true)
      for (const form of ['json', 'xml'] as const) {
        const payload = payloads.all(form)
        if (!gunzipSync(await payload.packed()).equals(payload.bytes())) throw new Error(`${form} differs`)
      }
      const all = JSON.parse(payloads.all('json').bytes().toString()) as { applications: { application: { instance: unknown[] }[] } }
      if (all.applications.application.flatMap(one => one.instance).length !== book.size) throw new Error('somebody is missing')
    }
  }), { seed, numRuns: 25 })
  t.pass()
})

t.test('other people\'s readers', async t => {
  const { url } = await startDiscovery(t)
  for (let i = 0; i < 300; i++) await register(url, { instanceId: `i${i}`, app: `APP-${i % 7}` })
  const fetchPacked = (): Promise<Buffer> =>
    call(url, '/eureka/apps', { headers: { accept: 'application/json', 'accept-encoding': 'gzip' } }).then(({ body }) => body)
  await fetchPacked()
  await register(url, { instanceId: 'late', app: 'APP-3' })
  const size = (await call(url, '/eureka/apps', { headers: { accept: 'application/json' } })).body.length
  t.equal(gunzipSync(await fetchPacked()).length, size, 'Node')
  const target = `${url}/eureka/apps`
  const readers = {
    curl: ['curl', '--silent', '--compressed', '--header', 'accept: application/json', target],
    Python: ['python3', '-c', `import gzip,sys,urllib.request as u
sys.stdout.buffer.write(gzip.decompress(u.urlopen(u.Request('${target}',headers={'Accept':'application/json','Accept-Encoding':'gzip'})).read()))`],
    gzip: ['sh', '-c', `curl --silent --header 'accept: application/json' --header 'accept-encoding: gzip' ${target} | gzip -dc`]
  }
  for (const [name, [program, ...args]] of Object.entries(readers)) {
    const missing = await run(program!, ['--version']).then(() => false, failure => (failure as { code: unknown }).code === 'ENOENT')
    if (missing) t.comment(`${name} is not installed`)
    else t.equal((await run(program!, args, { encoding: 'buffer', maxBuffer: 1e8 })).stdout.length, size, name)
  }
})
