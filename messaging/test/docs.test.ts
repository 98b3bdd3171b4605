import { execFile } from 'node:child_process'
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

t.test('the saga that the page teaches works as its test says', async t => {
  const found = files()
  t.same(Object.keys(found), ['shop.ts', 'shop.test.ts'])
  const dir = t.testdir(found)
  // By itself: this runner's hooks are nothing to that one.
  const { stdout } = await promisify(execFile)(process.execPath,
    ['--test-reporter=tap', join(dir, 'shop.test.ts')], { env: { PATH: process.env.PATH } })
  t.match(stdout, /^# pass 3\n# fail 0$/m)
})
