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
    'eureka.datacenter': 'cloud',
    'eureka.instance.registry.defaultOpenForTrafficCount': '0',
    'eureka.server.wait-time-in-ms-when-sync-empty': '5',
    'eureka.server.min-available-instances-for-peer-replication': '2',
    'eureka.server.remote-region-urls-with-name.US-East': 'http://east:8761/eureka/',
    'eureka.server.remoteRegionUrlsWithName.west': 'http://west:8761/eureka/',
    'eureka.server.remote-region-app-whitelist.west': 'a,b',
    'eureka.server.remote-region-app-whitelist.global[0]': 'orders',
    'eureka.server.remote-region-registry-fetch-interval': '7',
    'eureka.server.remote-region-read-timeout-ms': '900',
    'eureka.server.disable-delta-for-remote-regions': 'true',
    'eureka.server.disable-transparent-fallback-to-other-region': 'true',
    'breakwater.discovery.strict-status-codes': 'true'
  })), {
    port: 1234, host: '10.0.0.1', selfPreservation: false, renewalThreshold: 0.5, evictionIntervalMs: 60_000, deltaRetentionMs: 1000,
    disableDelta: true, peerTimeoutMs: 200, rateLimit: { enabled: true, privileged: ['a', 'b'], burst: 10 },
    peerUrls: ['http://one:8761/eureka/', 'http://two:8761/eureka/'], ownHosts: ['one'], dashboardPath: '/ui', datacenter: 'cloud',
    openForTrafficCount: 0, waitWhenEmptyMs: 5, minAvailablePeers: 2, strictStatusCodes: true,
    regions: [
      { name: 'us-east', url: 'http://east:8761/eureka/', apps: ['ORDERS'] },
      { name: 'west', url: 'http://west:8761/eureka/', apps: ['A', 'B'] }
    ],
    regionIntervalMs: 7000, regionTimeoutMs: 900, regionDelta: false, regionFallback: false
  })
})

t.test('what has no effect is said with its reason, once each; what nobody knows, too', async t => {
  const warnings = checkNames(await read({
    'eureka.server.use-read-only-response-cache': 'false', 'eureka.server.remoteRegionUrls': 'http://east', 'eureka.server.nonsense': '1',
    'eureka.client.register-with-eureka': 'false', 'breakwater.discovery.push': 'false', 'breakwater.discovery.apps': 'a,b',
    'eureka.server.rate-limiter-privileged-clients': 'a,b'
  }))
  t.equal(warnings.length, 3)
  t.match(warnings[0], /eureka\.server\.nonsense/)
  t.match(warnings[1], /use-read-only-response-cache \(command line\) has no effect: answers are never older/)
  t.match(warnings[2], /remoteRegionUrls .* has no effect/)
})

t.test('each of Spring\'s names is honoured or said to have no effect, with a reason', async t => {
  const names = `enable-self-preservation renewal-percent-threshold renewal-threshold-update-interval-ms
    expected-client-renewal-interval-seconds eviction-interval-timer-in-ms response-cache-update-interval-ms
    response-cache-auto-expiration-in-seconds use-read-only-response-cache retention-time-in-m-s-in-delta-queue
    delta-retention-timer-interval-in-ms disable-delta sync-when-timestamp-differs registry-sync-retries
    registry-sync-retry-wait-ms wait-time-in-ms-when-sync-empty peer-eureka-nodes-update-interval-ms
    peer-node-connect-timeout-ms peer-node-read-timeout-ms peer-node-total-connections
    peer-node-total-connections-per-host peer-node-connection-idle-timeout-seconds
    max-elements-in-peer-replication-pool max-threads-for-peer-replication max-time-for-replication
    number-of-replication-retries enable-replicated-request-compression min-available-instances-for-peer-replication
    rate-limiter-enabled rate-limiter-burst-size rate-limiter-registry-fetch-average-rate
    rate-limiter-full-fetch-average-rate rate-limiter-throttle-standard-clients rate-limiter-privileged-clients
    log-identity-headers my-url remote-region-urls-with-name.east remote-region-app-whitelist.east
    remote-region-registry-fetch-interval remote-region-fetch-thread-pool-size g-zip-content-from-remote-region
    json-codec-name xml-codec-name`.split(/\s+/)
  for (const name of names) {
    const warnings = checkNames(await read({ [`eureka.server.${name}`]: '1' }))
    t.notMatch(warnings.join(), 'Spring\'s settings that have no effect here', `${name} is known`)
    t.ok(warnings.every(warning => /has no effect: \w/.test(warning)), name)
  }
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
