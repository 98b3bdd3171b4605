/** Java itself says of the recorded patterns what `java-regex.test.ts` asks of ours. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'
import { REGEXES } from '../java-regexes.ts'

t.test('the recorded answers are those of Java', async t => {
  const input = REGEXES.map(([pattern, text]) => `${pattern}\n${text}\n`).join('')
  const { stdout } = spawnSync('java', ['-cp', join(import.meta.dirname, 'target/classes'), 'breakwater.JavaRegex'], { input, encoding: 'utf8' })
  t.strictSame(stdout.trimEnd().split('\n'), REGEXES.map(([, , answer]) => answer))
})
