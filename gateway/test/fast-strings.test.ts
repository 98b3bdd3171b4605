/** What a library may not do to the process that forwards. */
import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { test } from 'tap'

const GATEWAY = path.join(import.meta.dirname, '..', 'start.ts')

/** Loads the gateway and prints every module on the way that derives a class from String. */
const PROBE = `
  import { registerHooks } from 'node:module'
  registerHooks({ load (url, context, next) {
    const loaded = next(url, context)
    if (/\\bextends\\s+String\\b/.test(String(loaded.source ?? ''))) console.log(url)
    return loaded
  } })
  await import(${JSON.stringify(GATEWAY)})
  if (process.argv.includes('with-one')) await import('data:text/javascript,class Text extends String {}')
`

function derivations (...args: string[]): string {
  const { stdout, stderr, status } = spawnSync(process.execPath, ['--input-type=module', '--eval', PROBE, '--', ...args], { encoding: 'utf8' })
  if (status !== 0) throw new Error(stderr)
  return stdout
}

test('nothing that the gateway loads derives a class from String: V8 then finds every string method five times as slowly', (t) => {
  t.equal(derivations(), '')
  t.match(derivations('with-one'), /class Text/, 'and it would be seen')
  t.end()
})
