import t from 'tap'
import { createTapSummary } from '../tap-summary.ts'

function summarise (text: string) {
  const take = createTapSummary()
  return text.split('\n').map(line => take(line)).filter(result => result !== undefined)
}

t.test('passes, failures and skips are counted per file, skips with their reason', async t => {
  const [result] = summarise([
    '# Subtest: a/test/x.test.ts', '    # Subtest: one', '        ok 1 - inner', '    ok 1 - one # time=1ms',
    '    not ok 2 - two # time=2ms', '    ok 3 - three # SKIP no redis', 'not ok 1 - a/test/x.test.ts # time=1.5s'
  ].join('\n'))
  t.match(result, { file: 'a/test/x.test.ts', ok: false, passed: 1, failed: 1, skipped: ['three: no redis'], seconds: 1.5 })
})

t.test('a skip inside of a test that passes counts, and so does a file that has no plan', async t => {
  const [inner, whole] = summarise([
    '    # Subtest: one', '        ok 1 - inner # SKIP no redis', '    ok 1 - one # time=1ms', 'ok 1 - a/test/x.test.ts # time=1ms',
    '    1..0 # nothing here', 'ok 2 - a/test/y.test.ts # SKIP nothing here'
  ].join('\n'))
  t.match(inner, { ok: true, passed: 1, skipped: ['inner: no redis'] })
  t.match(whole, { file: 'a/test/y.test.ts', ok: true, passed: 0, skipped: ['all of it: nothing here'] })
})

t.test('a file that died before its first test counts as one failure', async t => {
  const [result] = summarise('not ok 1 - a/test/x.test.ts # time=12ms')
  t.match(result, { passed: 0, failed: 1 })
})
