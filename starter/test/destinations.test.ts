import { chmod, readFile, stat, writeFile } from 'node:fs/promises'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { adminToken } from '../security/admin-token.ts'
import { DENIED_NETWORKS, Destinations, readDestinations } from '../security/destinations.ts'
import { settingsOf } from './support.ts'

const resolved = (destinations: Destinations, host: string, all: boolean, written?: boolean): Promise<unknown> =>
  new Promise((resolve, reject) => {
    destinations.lookup({ host, port: 80, written })(host, { all }, (failure, found) => {
      if (failure === null) resolve(found)
      else reject(failure)
    })
  })

t.test('what nobody may be sent to, whoever wrote it and however', async t => {
  const destinations = new Destinations()
  for (const host of ['169.254.169.254', '::ffff:169.254.169.254', '::ffff:a9fe:a9fe', '64:ff9b::a9fe:a9fe', 'fe80::1', 'fe80::1%lo', 'fd00:ec2::254',
    '100.100.100.200', '0.0.0.0', '0.0.0.1', '::', '::ffff:0.0.0.0', '224.0.0.1', '239.1.1.1', '255.255.255.255', 'ff02::1', '168.63.129.16']) {
    for (const written of [true, false]) t.match(destinations.refusal({ host, port: 80, written }), { code: 'E_DESTINATION' }, host)
  }
  for (const host of ['10.0.0.1', '127.0.0.1', '::1', 'fd00::1', '8.8.8.8', 'localhost', 'metadata']) {
    t.equal(destinations.refusal({ host, port: 80 }), undefined, host)
  }
})

t.test('a name is what it resolves to', async t => {
  t.match(await resolved(new Destinations(), 'localhost', true), [{ address: /^(?:127\.0\.0\.1|::1)$/ }])
  const strict = new Destinations({ denied: DENIED_NETWORKS, loopbackInstances: false })
  for (const all of [true, false]) {
    await t.rejects(resolved(strict, 'localhost', all), { code: 'E_DESTINATION', message: /breakwater\.security\.loopback-instances/ })
    await t.resolves(resolved(strict, 'localhost', all, true), 'what the operator wrote')
    await t.rejects(resolved(new Destinations({ denied: ['127.0.0.0/8', '::1'], loopbackInstances: true }), 'localhost', all),
      { message: /breakwater\.security\.denied-networks/ })
  }
  await t.rejects(resolved(strict, 'nobody.invalid', true), { code: /^E(?:NOTFOUND|AI_AGAIN)$/ })
})

t.test('nothing comes back to where this process listens', async t => {
  const destinations = new Destinations()
  destinations.keepFrom([{ address: '127.0.0.1', port: 8081 }, { address: '::', port: 8080 }])
  const own = Object.values(networkInterfaces()).flatMap(all => all ?? []).map(({ address }) => address)
  for (const [host, port] of [['127.0.0.1', 8081], ['::ffff:127.0.0.1', 8081], ['::ffff:7f00:1', 8081], ['127.0.0.1', 8080], ['::1', 8080],
    ['127.9.9.9', 8080], ...own.map(address => [address, 8080] as const)] as const) {
    t.match(destinations.refusal({ host, port, written: true }), { code: 'E_DESTINATION', message: /itself|denied/ }, `${host}:${port}`)
  }
  for (const [host, port] of [['127.0.0.1', 8082], ['127.0.0.2', 8081], ['10.9.9.9', 8080]] as const) {
    t.equal(destinations.refusal({ host, port }), undefined, `${host}:${port}`)
  }
})

t.test('instances may be at loopback addresses where this process serves this machine, and by the operator\'s word', async t => {
  const allowed = async (values: Record<string, string>) => readDestinations(await settingsOf(values)).loopbackInstances
  const zone = 'eureka.client.service-url.defaultZone'
  t.equal(await allowed({}), true)
  t.equal(await allowed({ [zone]: 'http://localhost:8761/eureka/,http://127.0.0.1:8762/eureka/' }), true)
  t.equal(await allowed({ [zone]: 'http://localhost:8761/eureka/,http://registry:8761/eureka/' }), false)
  t.equal(await allowed({ 'server.address': '0.0.0.0' }), false)
  t.equal(await allowed({ 'server.address': '0.0.0.0', 'breakwater.security.loopback-instances': 'true' }), true)
  t.equal(await allowed({ 'breakwater.security.loopback-instances': 'false' }), false)
  const key = 'breakwater.security.denied-networks'
  t.same(readDestinations(await settingsOf({ [key]: '10.0.0.0/8, fe80::/10' })).denied, ['10.0.0.0/8', 'fe80::/10'])
  t.throws(() => new Destinations({ denied: ['x'], loopbackInstances: true }), TypeError)
  const wrong = await settingsOf({ [key]: '10.0.0.0/99' })
  t.throws(() => readDestinations(wrong), { code: 'E_NETWORK', message: /command line.*10\.0\.0\.0\/99/ })
})

t.test('the token is made once, for this user alone, and a file that others may read is none', async t => {
  const file = join(t.testdir(), 'a', 'b', 'token')
  const tokens = await Promise.all(Array.from({ length: 20 }, () => adminToken(file)))
  t.equal(new Set(tokens).size, 1, 'whoever comes at the same time')
  t.match(tokens[0], /^[\w-]{43}$/)
  t.same([(await stat(file)).mode & 0o777, (await stat(join(file, '..'))).mode & 0o777], [0o600, 0o700])
  t.equal((await readFile(file, 'utf8')).trim(), tokens[0])
  for (const mode of [0o644, 0o640, 0o602]) {
    await chmod(file, mode)
    await t.rejects(adminToken(file), { code: 'E_ADMIN_TOKEN', message: /others may/ })
  }
  await chmod(file, 0o600)
  for (const content of ['', '\n', 'x'.repeat(2000)]) {
    await writeFile(file, content)
    await t.rejects(adminToken(file), { code: 'E_ADMIN_TOKEN' }, 'nobody is let in by an empty word')
  }
  await t.rejects(adminToken(join(file, 'c')), { code: 'E_ADMIN_TOKEN', message: /ENOTDIR/ })
})
