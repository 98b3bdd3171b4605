import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { loadSettings } from '@breakwater/starter/settings'
import t from 'tap'
import { createDiscovery, DEFAULTS } from '../index.ts'
import { optionsFrom } from '../settings.ts'
import { checkNames } from '../settings-names.ts'
import { call } from './support/server.ts'

const read = (args: Record<string, string>) => loadSettings({ name: 'discovery', env: {}, args, folder: '/nonexistent' })

t.test('without settings the defaults hold', async t => {
  t.same(optionsFrom(await read({})), DEFAULTS)
})

t.test('Spring\'s names mean here what they mean there', async t => {
  t.match(optionsFrom(await read({
    'server.port': '1234',
    'server.address': '10.0.0.1',
    'eureka.server.enableSelfPreservation': 'false',
    'eureka.server.renewal-percent-threshold': '0.5',
    'eureka.server.eviction-interval-timer-in-ms': '60000',
    'eureka.server.retentionTimeInMSInDeltaQueue': '1000',
    'eureka.server.disable-delta': 'true',
    'eureka.server.peer-node-read-timeout-ms': '200',
    'eureka.server.rate-limiter-enabled': 'true',
    'eureka.server.rate-limiter-privileged-clients': 'a,b',
    'eureka.client.service-url.defaultZone': 'http://one:8761/eureka/,http://two:8761/eureka/',
    'eureka.instance.hostname': 'one',
    'eureka.dashboard.path': '/ui',
    'eureka.datacenter': 'cloud'
  })), {
    port: 1234, host: '10.0.0.1', selfPreservation: false, renewalThreshold: 0.5, evictionIntervalMs: 60_000, deltaRetentionMs: 1000,
    disableDelta: true, peerTimeoutMs: 200, rateLimit: { enabled: true, privileged: ['a', 'b'], burst: 10 },
    peerUrls: ['http://one:8761/eureka/', 'http://two:8761/eureka/'], ownHosts: ['one'], dashboardPath: '/ui', datacenter: 'cloud'
  })
})

t.test('what has no effect is said with its reason, once each; what nobody knows, too', async t => {
  const warnings = checkNames(await read({
    'eureka.server.use-read-only-response-cache': 'false', 'eureka.server.waitTimeInMsWhenSyncEmpty': '0', 'eureka.server.nonsense': '1',
    'eureka.client.register-with-eureka': 'false', 'breakwater.discovery.push': 'false', 'breakwater.discovery.apps': 'a,b',
    'eureka.server.rate-limiter-privileged-clients': 'a,b'
  }))
  t.equal(warnings.length, 3)
  t.match(warnings[0], /eureka\.server\.nonsense/)
  t.match(warnings[1], /use-read-only-response-cache \(command line\) has no effect: answers are never older/)
  t.match(warnings[2], /wait-time-in-ms-when-sync-empty .* has no effect/)
})

t.test('a misspelled setting of our own stops the start', async t => {
  t.throws(() => checkNames({} as never))
  await t.rejects(read({ 'breakwater.discovery.snapshot-fil': 'x' }).then(checkNames), { code: 'E_CONFIG_KEY', message: /Did you mean "breakwater.discovery.snapshot-file"/ })
})

t.test('values that cannot be', async t => {
  for (const options of [{ port: 70_000 }, { renewalThreshold: 0 }, { evictionIntervalMs: 1 }, { dashboardPath: 'ui' }, { maxInstances: 0 }]) {
    t.throws(() => createDiscovery(options), { code: 'E_DISCOVERY_OPTION' }, JSON.stringify(options))
  }
  await t.rejects(read({ 'server.port': 'many' }).then(optionsFrom), { message: /server.port/ })
})

t.test('the process: ready, actuator, a taken port, SIGTERM', async t => {
  const run = (...args: string[]) => {
    const child = spawn(process.execPath, [join(import.meta.dirname, '../main.ts'), ...args])
    t.after(() => child.kill('SIGKILL'))
    let errors = ''
    child.stderr.on('data', chunk => { errors += String(chunk) })
    return { child, errors: () => errors, exit: new Promise<number | null>(resolve => child.on('exit', resolve)) }
  }
  const first = run('--port', '0')
  let url = ''
  for await (const line of createInterface({ input: first.child.stdout })) {
    url = /"url":"(http:[^"]+)"/.exec(line)?.[1] ?? ''
    if (url !== '') break
  }
  t.match(JSON.parse((await call(url, '/actuator/health')).text), { status: 'UP', components: { registry: { status: 'UP' } } })
  t.match((await call(url, '/actuator/prometheus')).text, 'breakwater_discovery_renewals_total 0')
  const second = run('--port', new URL(url).port)
  t.equal(await second.exit, 1)
  t.match(second.errors(), /^E_[A-Z_]+ .*(taken|listen)/)
  t.notMatch(second.errors(), /at .*\.ts:\d/, 'no stack')
  first.child.kill('SIGTERM')
  t.equal(await first.exit, 0)
})
