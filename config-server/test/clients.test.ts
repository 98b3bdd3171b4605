import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import http from 'node:http'
import { join } from 'node:path'
import { promisify } from 'node:util'
import cloudConfigClient from 'cloud-config-client'
import t from 'tap'
import { pythonPackage } from '../../scripts/python-package.ts'
import { ask, eventually, folder, startNative } from './support.ts'

const run = promisify(execFile)
const FILES = {
  'application.yml': 'greeting: hello\nlist: [1, 2, 3]\na:\n  b: 2.0\n',
  'shop.yml': 'greeting: hello shop\nlist: [9]\nhost: ${greeting}',
  'shop-dev.yml': 'greeting: hello dev',
  'banner.txt': 'I say ${greeting}'
}
const encrypt = { key: 'pie', salt: 'deadbeef', rsa: { algorithm: 'DEFAULT', strong: false, salt: 'deadbeef' } } as const

t.test('cloud-config-client, unmodified', async t => {
  const { url } = await startNative(t, FILES, { encrypt })
  const config = await cloudConfigClient.load({ endpoint: url, name: 'shop', profiles: ['qa', 'dev'], label: 'master' })
  t.equal(config.get('greeting'), 'hello dev')
  t.equal(config.get('a.b'), 2)
  t.equal(config.get('list[0]'), 9)
  t.strictSame(config.raw.profiles, ['qa,dev'])
  const plain = await cloudConfigClient.load({ endpoint: `${url}/`, name: 'unknown' })
  t.equal(plain.get('greeting'), 'hello')
  const slash = await cloudConfigClient.load({ endpoint: url, name: 'shop', label: 'feature/x' })
  t.equal(slash.raw.label, 'feature/x', 'it encodes the slash of a label')
  await t.rejects(cloudConfigClient.load({ endpoint: url, name: '../etc' }), /Invalid response: 400/)
})

const python = await pythonPackage('config-client==1.5.0', 'config')

t.test('config-client of PyPI, unmodified', { skip: python.skip }, async t => {
  const { url } = await startNative(t, FILES, { encrypt })
  const { stdout } = await run('python3', [join(import.meta.dirname, 'fixtures/reader.py'), url],
    { env: python.env, timeout: 60_000 })
  t.strictSame(JSON.parse(stdout.trim().split('\n').at(-1) ?? ''), {
    greeting: 'hello dev', list: [9], nested: 2, file: 'I say hello dev', decrypted: 'hush'
  })
})

t.test('as a process: it says where it listens, serves, and ends on SIGTERM', async t => {
  const root = await folder(t, FILES)
  const child = spawn(process.execPath, [join(import.meta.dirname, '../main.ts'), '--port', '0',
    `--spring.cloud.config.server.native.search-locations=file:${root}`], { cwd: root, env: {}, stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => child.kill('SIGKILL'))
  let out = ''
  child.stdout.on('data', (chunk: Buffer) => { out += chunk.toString() })
  const url = await eventually('the line that it started', () => /"url":"([^"]+)".*"msg":"started"/.exec(out)?.[1])
  t.equal((await ask(url, '/shop-dev.json')).json.greeting, 'hello dev')
  t.equal((await ask(url, '/actuator/health')).status, 200)
  child.kill('SIGTERM')
  t.strictSame(await once(child, 'close'), [0, null])
})

t.test('it registers as configserver when asked to, and takes itself out', async t => {
  const calls: string[] = []
  const registry = http.createServer((request, response) => {
    calls.push(`${request.method} ${request.url?.replace(/\?.*/, '')}`)
    request.resume().on('end', () => response.writeHead(request.method === 'POST' ? 204 : 200).end())
  })
  await new Promise<void>(resolve => registry.listen(0, '127.0.0.1', resolve))
  t.teardown(() => registry.close())
  const root = await folder(t, FILES)
  const { port } = registry.address() as { port: number }
  const child = spawn(process.execPath, [join(import.meta.dirname, '../main.ts'), '--port', '0', '--eureka.client.register-with-eureka=true',
    `--eureka.client.service-url.defaultZone=http://127.0.0.1:${port}/eureka/`], { cwd: root, env: {}, stdio: ['ignore', 'ignore', 'inherit'] })
  t.teardown(() => child.kill('SIGKILL'))
  await eventually('the registration', () => calls.includes('POST /eureka/apps/CONFIGSERVER'))
  child.kill('SIGTERM')
  t.strictSame(await once(child, 'close'), [0, null])
  t.ok(calls.some(call => call.startsWith('DELETE /eureka/apps/CONFIGSERVER/')), calls.join(', '))
})

t.test('a process that cannot start says why in one line', async t => {
  const root = await folder(t, { 'application.yml': 'server:\n  port: none\n' })
  const start = async (...args: string[]) => run(process.execPath, [join(import.meta.dirname, '../main.ts'), ...args],
    { cwd: root, env: {}, timeout: 30_000 }).catch((failure: unknown) => failure as { code: number, stderr: string })
  const port = await start()
  t.match(port, { code: 1, stderr: /^E_SETTING_TYPE .*application\.yml:2.*server\.port/ })
  const key = await start('--port', '0', '--encrypt.key=ssh-rsa AAAA')
  t.match(key, { code: 1, stderr: /^E_CIPHER_FORMAT / })
  const bound = await start('--port', '0', '--server.address=0.0.0.0')
  t.match(bound, { code: 1, stderr: /^E_SECURITY_CHOICE / })
})
