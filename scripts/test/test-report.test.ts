import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { FileResult } from '../tap-summary.ts'
import { failures, fileLine, skipLines, totalLine } from '../test-report.ts'

function result (file: string, more: Partial<FileResult> = {}): FileResult {
  return { file, ok: true, passed: 0, failed: 0, skipped: [], lines: [], seconds: 1, ...more }
}

t.test('a file of which nothing ran is SKIPPED, whatever it was skipped for', async t => {
  t.equal(fileLine(result('a.test.ts', { passed: 3 })), 'ok         1.0s  a.test.ts (3 passed)')
  t.equal(fileLine(result('a.test.ts', { passed: 3, skipped: ['x: y'] })), 'ok         1.0s  a.test.ts (3 passed, 1 skipped)')
  t.equal(fileLine(result('a.test.ts', { skipped: ['x: y'] })), 'SKIPPED    1.0s  a.test.ts (0 passed, 1 skipped)')
  t.equal(fileLine(result('a.test.ts', { ok: false, failed: 1 })), 'FAILED     1.0s  a.test.ts (0 passed)')
})

t.test('skips stand under their package, beside what passed there', async t => {
  const results = [
    result('gateway/test/a.test.ts', { passed: 4 }), result('starter/test/a.test.ts', { passed: 2, skipped: ['one: no consul'] }),
    result('sample-services/users/test/a.test.ts', { passed: 1, skipped: ['two: no redis'] }), result('starter/test/b.test.ts', { passed: 5 })
  ]
  t.same(skipLines(results), [
    'starter: 1 skipped, 7 passed', '  starter/test/a.test.ts one: no consul',
    'sample-services/users: 1 skipped, 1 passed', '  sample-services/users/test/a.test.ts two: no redis'
  ])
  t.same(skipLines([result('a.test.ts', { passed: 1 })]), [])
})

t.test('the last line counts, and a run of nothing has failed', async t => {
  const results = [result('a.test.ts', { passed: 4 }), result('b.test.ts', { ok: false, passed: 2, failed: 1 })]
  t.equal(totalLine(results), '6 passed, 1 failed')
  t.equal(failures(results), 1)
  t.equal(totalLine([]), '0 passed, 1 failed')
})

/** Runs files of these contents as `npm test` does. */
function run (t: Test, files: Record<string, string>) {
  const folder = t.testdir({ '.taprc': 'type-strip-only: true\ndisable-coverage: true\n' })
  mkdirSync(join(folder, 'a/test'), { recursive: true })
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, 'a/test', name), text)
  // Without what the runner of this very test puts into its children.
  const { NODE_OPTIONS: _, ...env } = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('TAP')))
  const { stdout, status } = spawnSync(process.execPath, [join(import.meta.dirname, '../test.ts')], { cwd: folder, env, encoding: 'utf8' })
  return { stdout, status }
}

t.test('what fails now and then counts as its second run, both outputs are shown, and it is named', async t => {
  const { stdout, status } = run(t, {
    'sound.test.ts': "import t from 'tap'\nt.test('sound', async t => { t.pass() })\n",
    'chance.test.ts': `import t from 'tap'
import { existsSync, writeFileSync } from 'node:fs'
t.test('chance', async t => {
  const again = existsSync('again')
  writeFileSync('again', '')
  t.ok(again, again ? 'the second time' : 'the first time')
})
`
  })
  t.equal(status, 0)
  t.match(stdout, /^FAILED .* a\/test\/chance\.test\.ts \(0 passed\)$/m)
  t.match(stdout, /not ok 1 - the first time/)
  t.match(stdout, /^once more, alone: a\/test\/chance\.test\.ts\nok .*\n[^]* ok 1 - the second time/m)
  t.match(stdout, /^UNSTABLE a\/test\/chance\.test\.ts failed, and passed alone/m)
  t.match(stdout, /\n2 passed, 0 failed\n$/)
})

t.test('all passed is 0, and what was skipped is said', async t => {
  const { stdout, status } = run(t, {
    'sound.test.ts': "import t from 'tap'\nt.test('sound', async t => { t.pass() })\n",
    'none.test.ts': "import t from 'tap'\nt.test('none', { skip: 'no such thing' }, async () => {})\n"
  })
  t.equal(status, 0)
  t.match(stdout, /^SKIPPED .* a\/test\/none\.test\.ts \(0 passed, 1 skipped\)$/m)
  t.match(stdout, /\na: 1 skipped, 1 passed\n {2}a\/test\/none\.test\.ts none: no such thing\n\n1 passed, 0 failed\n$/)
})
