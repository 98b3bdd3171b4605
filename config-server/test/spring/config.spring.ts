/** Spring Boot services that have their configuration from ours, and Spring's own server beside it. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createLogger } from '@breakwater/starter/logger'
import { loadSettings } from '@breakwater/starter/settings'
import t from 'tap'
import { startDiscovery } from '../../../discovery/test/support/server.ts'
import { startJava } from '../../../discovery/test/spring/java.ts'
import { startMember } from '../../membership.ts'
import { startGit, workTree } from '../git-support.ts'
import { ask, eventually, folder, V2, write, type Teardown } from '../support.ts'
import { ENVIRONMENTS, FILES, OTHERS } from './corpus.ts'

const PROJECT = join(import.meta.dirname)
const CIPHER = '{cipher}bf29452295df354e6153c5b31b03ef23c70e55fba24299aa85c63438f1c43c95' // "test" under the key "pie"
const pie = { key: 'pie', salt: 'deadbeef', rsa: { algorithm: 'DEFAULT', strong: false, salt: 'deadbeef' } } as const
const KEYS = ['greeting', 'password', 'two', 'big', 'flag', 'list[0]', 'url', 'own', 'config.client.version']

const SHOP = {
  'application.yml': 'greeting: hello\nlist: [1, 2]\nown: server\n',
  'shop.yml': 'two: 2.0\nbig: 12345678901234567890\nflag: yes\nurl: http://${greeting}/x\nlist: [9]\n',
  'shop-dev.yml': `greeting: good day\npassword: "${CIPHER}"\n`
}

interface Tap extends Teardown {
  after: (undo: () => unknown) => unknown
  comment: (text: string) => unknown
}

function startService (t: Tap, settings: Record<string, string>) {
  return startJava(t, PROJECT, 'ConfiguredService', {
    // The jar of Spring's server, which is here too, switches clients off.
    'spring.cloud.config.enabled': 'true', 'spring.application.name': 'shop', 'spring.profiles.active': 'dev', 'spring.cloud.config.fail-fast': 'true',
    'eureka.client.enabled': 'false', ...settings
  })
}

const valuesOf = async (url: string) => (await ask(url, `/values?keys=${KEYS.map(encodeURIComponent).join(',')}`)).json

t.test('a service that imports configserver:', async t => {
  const tree = await workTree(t, SHOP)
  const expected = {
    greeting: 'good day', password: 'test', two: '2.0', big: '12345678901234567890', flag: 'true', 'list[0]': '9',
    url: 'http://good day/x', own: 'server', 'config.client.version': tree.git('rev-parse', 'HEAD')
  }
  const decrypting = await startGit(t, { uri: tree.root }, { encrypt: pie })
  const first = await startService(t, { 'spring.config.import': `configserver:${decrypting.url}` })
  t.strictSame(await valuesOf(first.url), expected, 'decrypted here')
  await first.stop()

  const handing = await startGit(t, { uri: tree.root }, { decrypt: false })
  const second = await startService(t, { 'spring.config.import': `configserver:${handing.url}`, 'encrypt.key': 'pie' })
  t.strictSame(await valuesOf(second.url), expected, 'decrypted there')
  await second.stop()

  await t.rejects(startService(t, { 'spring.config.import': `configserver:${handing.url}`, 'spring.cloud.config.label': 'none' }),
    'a label that is missing ends a start that must not fail silently')
})

t.test('found in the registry, refreshed by push', async t => {
  const registry = await startDiscovery(t)
  const root = await folder(t, SHOP)
  const eureka = { 'eureka.client.service-url.defaultZone': `${registry.url}/eureka/` }
  const settings = await loadSettings({
    name: 'configserver', folder: await folder(t), args: {
      ...eureka, 'breakwater.discovery.client': 'eureka', 'server.port': '0', 'encrypt.key': 'pie',
      'eureka.client.register-with-eureka': 'true', 'spring.cloud.config.server.native.search-locations': root,
      'breakwater.config-server.refresh-clients.enabled': 'true'
    }
  })
  const server = await startMember(settings, createLogger({ name: 'configserver', level: 'warn' }), process.env)
  t.teardown(() => server.stop())
  await eventually('the server is registered', () => registry.registry.book.size === 1)

  const service = await startService(t, {
    ...eureka, 'spring.config.import': 'configserver:', 'spring.cloud.config.discovery.enabled': 'true',
    'spring.cloud.config.discovery.service-id': 'configserver', 'eureka.client.enabled': 'true',
    'eureka.client.jersey.enabled': 'false', 'eureka.instance.hostname': '127.0.0.1', 'eureka.instance.prefer-ip-address': 'true',
    'eureka.instance.metadata-map.config-refresh': 'true', 'eureka.instance.metadata-map.config-profiles': 'dev',
    'management.endpoints.web.exposure.include': 'refresh,health'
  })
  const greeting = async () => (await ask(service.url, '/greeting')).text
  t.equal(await greeting(), 'good day')
  t.equal((await valuesOf(service.url)).password, 'test')
  // The server has to learn what the service has before it can tell a change.
  let count = 0
  await eventually('a change reaches the bean', async () => {
    if (count++ % 300 === 0) await writeFile(join(root, 'shop-dev.yml'), `greeting: welcome ${count}\n`)
    return (await greeting()).startsWith('welcome ')
  })
})

/** Ours as a process of its own, without what tap loads into its children: that changes the YAML library. */
async function startOurs (t: Teardown, root: string): Promise<{ url: string }> {
  const child = fork(join(import.meta.dirname, '../../main.ts'), ['--port', '0', '--encrypt.key=pie',
    `--spring.cloud.config.server.native.search-locations=${root}`], { cwd: await folder(t), execArgv: [], env: {}, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  t.teardown(() => child.kill('SIGKILL'))
  const [{ url }] = await once(child, 'message') as [{ url: string }]
  return { url }
}

t.test('answers as those of Spring\'s own server', async t => {
  const root = await folder(t)
  await write(root, FILES)
  const ours = await startOurs(t, root)
  const spring = await startJava(t, PROJECT, 'SpringConfigServer', {
    'spring.profiles.active': 'native', 'spring.cloud.config.server.native.search-locations': `file:${root}`,
    'spring.cloud.config.enabled': 'false', 'spring.cloud.config.import-check.enabled': 'false',
    'eureka.client.enabled': 'false', 'encrypt.key': 'pie', 'management.endpoints.web.exposure.include': 'health'
  })
  const seen = async (url: string, path: string, accept: string) => {
    const { status, headers, text } = await ask(url, path, { headers: { accept } })
    // Errors have the same status; their bodies have a time in them.
    return status < 400 ? { status, type: headers['content-type'], text } : { status }
  }
  const compare = async (path: string, accept: string) =>
    t.strictSame(await seen(ours.url, path, accept), await seen(spring.url, path, accept), `${path} as ${accept}`)
  for (const path of [...ENVIRONMENTS, ...OTHERS]) await compare(path, 'application/json')
  for (const path of ENVIRONMENTS) await compare(path, V2)
})
