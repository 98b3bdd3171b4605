import t from 'tap'
import { canonicalAddress, isLoopback, Networks } from '../security/addresses.ts'
import { isForeignPage, isForwarded, isLocalCall, isOwnHost } from '../security/foreign.ts'

t.test('an address is in a network whatever its spelling, and a translator\'s for refusing only', async t => {
  const written = ['169.254.0.0/16', '10.1.2.3', 'fe80::/10', '::', '0.0.0.0/8']
  const [trusted, refused] = [new Networks(written), new Networks(written, true)]
  for (const address of ['169.254.169.254', '::ffff:169.254.169.254', '::FFFF:a9fe:a9fe', '[::ffff:a9fe:1]', '0:0:0:0:0:ffff:a9fe:1',
    'fe80::1%eth0', 'FEBF::1', '10.1.2.3', '::', '0:0::0', '0.0.0.0', '0.255.0.1']) {
    t.ok(trusted.has(address) && refused.has(address), address)
  }
  for (const address of ['64:ff9b::a9fe:a9fe', '64:ff9b::169.254.1.1', '2002:a9fe:a9fe::1', '::169.254.1.1', '64:ff9b:1::169.254.0.1']) {
    t.notOk(trusted.has(address), address)
    t.ok(refused.has(address), address)
  }
  for (const address of ['169.253.0.1', '10.1.2.4', '::1', '::2', 'fec0::1', '64:ff9b::1.1.1.1', '', 'a', '169.254', '0xa9.0xfe.0.1']) {
    t.notOk(trusted.has(address) || refused.has(address), address)
  }
  for (const odd of ['', 'a', '10.0.0.0/33', '::/129', '10.0.0.0/', '10.0.0.0/-1', '10.0.0.0/1.5', 'localhost', '10.0.0/8']) {
    t.throws(() => new Networks([odd]), TypeError, odd)
  }
})

t.test('loopback and one text for each address', async t => {
  for (const yes of ['127.0.0.1', '127.255.1.2', '::1', '0:0:0:0:0:0:0:1', '::ffff:127.0.0.1', '::ffff:7f00:1', '[::1]', 'localhost']) t.ok(isLoopback(yes), yes)
  for (const no of ['126.0.0.1', '::2', '64:ff9b::7f00:1', '2002:7f00:1::', '::127.0.0.1', '127.1', 'localhost.evil.com', '']) t.notOk(isLoopback(no), no)
  t.same(['::FFFF:7f00:1', '::ffff:10.0.0.1', 'FE80:0::1%lo', '1.2.3.4', 'x'].map(canonicalAddress),
    ['127.0.0.1', '10.0.0.1', 'fe80::1', '1.2.3.4', undefined])
})

const asked = (headers: Record<string, string>, method = 'GET', remoteAddress = '127.0.0.1', localAddress = '127.0.0.1') =>
  ({ method, headers, socket: { remoteAddress, localAddress } })

t.test('a Host is this server\'s when it is a name of this machine, the address that was called, or listed', async t => {
  const listed = ['reg.example', '*.svc.example']
  for (const host of ['localhost', 'LOCALHOST:1', 'localhost.:1', 'a.b.localhost', '127.0.0.1', '127.9.9.9:80', '[::1]', '[::1]:8761',
    '[::ffff:127.0.0.1]:1', '10.0.0.7:1', '[::ffff:10.0.0.7]', 'reg.example', 'REG.example.', 'a.svc.example', 'a.b.svc.example:1', '']) {
    t.ok(isOwnHost(asked({ host }, 'GET', '10.0.0.9', '10.0.0.7'), listed), host)
  }
  t.ok(isOwnHost(asked({}), []), 'HTTP/1.0 has none')
  for (const host of ['evil.com', 'evil.com:8761', 'localhost.evil.com', 'evillocalhost', '127.0.0.1.evil.com', '127.1', '0x7f.0.0.1', '2130706433',
    '0.0.0.0', '[::]', '10.0.0.8', 'svc.example', 'xsvc.example', 'localhost:1:2', 'a@localhost', 'localhost@evil.com', 'localhost/x', ' localhost',
    'localhost, evil.com', '[::1', '::1', '[::1]evil.com', '[localhost]', 'localhost:x', 'localhost:123456', ':80', '.localhost.evil.com', 'local\u0130host']) {
    t.notOk(isOwnHost(asked({ host }, 'GET', '10.0.0.9', '10.0.0.7'), listed), host)
  }
})

t.test('a page is foreign unless it is of this very server, or a person followed a link', async t => {
  const page = (headers: Record<string, string>, method?: string) => isForeignPage(asked({ host: 'localhost:1', ...headers }, method))
  const visit = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }
  for (const headers of [{}, { 'sec-fetch-site': 'same-origin' }, { 'sec-fetch-site': 'none' }, { origin: 'http://localhost:1' },
    { origin: 'https://localhost:1' }, visit]) t.notOk(page(headers as Record<string, string>), JSON.stringify(headers))
  for (const headers of [{ 'sec-fetch-site': 'same-site' }, { 'sec-fetch-site': 'cross-site' }, { 'sec-fetch-site': '' }, { origin: 'null' },
    { origin: 'http://localhost:2' }, { origin: 'http://evil.com' }, { origin: '' }, { ...visit, 'sec-fetch-dest': 'iframe' },
    { ...visit, 'sec-fetch-mode': 'no-cors' }, { origin: 'null', 'sec-fetch-site': 'cross-site' }]) {
    t.ok(page(headers as Record<string, string>), JSON.stringify(headers))
  }
  t.ok(page(visit, 'POST'), 'a form')
})

t.test('the one rule of this machine', async t => {
  t.ok(isLocalCall(asked({ host: 'localhost' }), []))
  t.notOk(isLocalCall(asked({ host: 'localhost' }, 'GET', '10.0.0.1'), []))
  t.notOk(isLocalCall(asked({ host: 'evil.com' }), []))
  for (const name of ['x-forwarded-for', 'x-forwarded-host', 'x-forwarded-client-cert', 'x-forwarded', 'forwarded', 'via', 'x-real-ip',
    'x-envoy-external-address', 'x-original-forwarded-for']) {
    t.ok(isForwarded(asked({ [name]: '' })), name)
    t.notOk(isLocalCall(asked({ host: 'localhost', [name]: '127.0.0.1' }), []), name)
  }
  t.notOk(isForwarded(asked({ 'x-forward': '', viaduct: '', 'x-request-id': '' })))
})
