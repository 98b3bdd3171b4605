import { t } from 'tap'
import { clientNetwork } from '../security/networks.ts'
import { ConnectionCounts } from '../shared/connection-counts.ts'

t.test('an IPv6 client is its network, an IPv4 client its address', async t => {
  const same = ['2001:db8:1:2::1', '2001:db8:1:2:ffff:ffff:ffff:ffff', '2001:0db8:0001:0002::', '[2001:DB8:1:2::9]']
  t.same(new Set(same.map(address => clientNetwork(address, 64))), new Set(['2001:db8:1:2:0:0:0:0/64']))
  t.not(clientNetwork('2001:db8:1:3::1', 64), clientNetwork('2001:db8:1:2::1', 64))
  t.equal(clientNetwork('2001:db8:1:3::1', 48), clientNetwork('2001:db8:1:2::1', 48))
  t.equal(clientNetwork('2001:db8:1:2:8000::1', 65), '2001:db8:1:2:8000:0:0:0/65')
  t.equal(clientNetwork('::1', 64), '0:0:0:0:0:0:0:0/64')
  t.equal(clientNetwork('fe80::1%eth0', 64), 'fe80:0:0:0:0:0:0:0/64')
  t.equal(clientNetwork('2001:db8::1', 128), '2001:db8::1')
  t.equal(clientNetwork('10.0.0.1', 64), '10.0.0.1')
  t.equal(clientNetwork('::ffff:10.0.0.1', 64), '10.0.0.1')
})

t.test('connections are counted by network', async t => {
  const limits = { maxConnections: 100, maxConnectionsPerAddress: 2, ipv6PrefixLength: 64 }
  const place = { index: 0, count: 1 }
  const counts = new ConnectionCounts(ConnectionCounts.make(limits, place), limits, place)
  t.ok(counts.enter('2001:db8::1'))
  const leave = counts.enter('2001:db8::2')
  t.equal(counts.enter('2001:db8::3'), undefined)
  t.ok(counts.enter('2001:db8:0:1::3'), 'another network')
  leave!()
  t.ok(counts.enter('2001:db8::4'))
})
