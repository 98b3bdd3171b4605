import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { t } from 'tap'

const PAGE = join(import.meta.dirname, '../../docs/messaging.md')

/** The blocks of the page that are files: a name stands behind the language. */
function files (): Record<string, string> {
  const blocks = readFileSync(PAGE, 'utf8').matchAll(/^```ts (\S+)\n([\s\S]*?)^```$/gm)
  return Object.fromEntries([...blocks].map(([, name, code]) => [name!, code!]))
}

t.test('the saga and the projection that the page teaches work as their tests say', async t => {
  const found = files()
  t.same(Object.keys(found), ['cart.ts', 'contents.ts', 'contents.test.ts', 'shop.ts', 'shop.test.ts'])
  const dir = t.testdir(found)
  for (const [file, passed] of [['shop.test.ts', 3], ['contents.test.ts', 1]] as const) {
    // By itself: this runner's hooks are nothing to that one.
    const { stdout } = await promisify(execFile)(process.execPath,
      ['--test-reporter=tap', join(dir, file)], { env: { PATH: process.env.PATH } })
    t.match(stdout, new RegExp(`^# pass ${passed}\n# fail 0$`, 'm'))
  }
})

t.test('the service that the page shows runs, also without a bus', async t => {
  const dir = t.testdir({ 'cart.ts': files()['cart.ts']! })
  const shop = spawn(process.execPath, [join(dir, 'cart.ts'), '--port', '0', '--breakwater.discovery.client=fixed',
    `--breakwater.data.dir=${dir}`], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'], env: { PATH: process.env.PATH } })
  t.teardown(() => shop.kill('SIGKILL'))
  const [{ url }] = await once(shop, 'message') as [{ url: string }]
  const opened = await fetch(`${url}/carts`, { method: 'POST' })
  t.equal(opened.status, 201)
  t.match(await opened.json(), { cartId: /^[0-9a-f-]{36}$/ })
  t.match(await (await fetch(`${url}/internal/outbox`)).json(), { waiting: 1, busUp: false })
  shop.kill('SIGTERM')
  t.same(await once(shop, 'exit'), [0, null])
})
