import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { cpSync, existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { t } from 'tap'

const ROOT = join(import.meta.dirname, '../..')
const npm = spawnSync('npm', ['--version']).status === 0

t.test('a service is installed and runs without the rest of the platform', { skip: npm ? false : 'npm is not installed' }, async t => {
  const folder = join(t.testdir(), 'alone')
  const name = 'sample-services/inventory'
  for (const part of ['package.json', 'package-lock.json', 'scripts', 'starter', 'messaging', name]) {
    cpSync(join(ROOT, part), join(folder, part), { recursive: true, filter: source => !/node_modules|[/\\]test$/.test(source) })
  }
  execFileSync('npm', ['ci', '-w', name, '--omit=dev', '--no-audit', '--no-fund', '--prefer-offline'],
    { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] })
  t.same(readdirSync(join(folder, 'node_modules/@breakwater-samples')), ['inventory'])
  t.notOk(existsSync(join(folder, 'node_modules/tap')), 'no tool of the developers came along')

  const child = spawn(process.execPath, [join(folder, name, 'main.ts'), '--port', '0', `--breakwater.data.dir=${folder}/data`],
    { cwd: folder, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  t.teardown(() => child.kill('SIGKILL'))
  const url = await new Promise<string>((resolve, reject) => {
    child.once('message', (message: { url: string }) => { resolve(message.url) })
    child.once('exit', code => { reject(new Error(`it ended with ${code}`)) })
  })
  const response = await fetch(`${url}/inventory/apple`, { method: 'PUT', body: '{"add":3}',
    headers: { 'content-type': 'application/json' } })
  t.same(await response.json(), { sku: 'apple', onHand: 3, reserved: 0, available: 3 })
})
