/** The config server against what Spring's has answered to the same requests; see lab/spring/README.md. */
import { join } from 'node:path'
import { realpathSync } from 'node:fs'
import t from 'tap'
import type { ConfigAnswer } from '../spring/config/case.ts'
import { differences, show } from '../spring/config/compare.ts'
import { DIFFERENCES } from '../spring/config/differences.ts'
import { FAULTS } from '../spring/config/faults.ts'
import { configCase } from '../spring/config/generator.ts'
import { askOurs } from '../spring/config/ours.ts'
import { pooled } from '../spring/pool.ts'
import { digestOf, readRecording } from '../spring/recording.ts'
import { tally } from '../spring/tally.ts'

const SHOWN = 10
const LANES = 4

t.test('the config server answers as Spring\'s own, but for what is listed', async t => {
  const { cases, answers } = readRecording<ConfigAnswer[]>('config')
  const asked = answers.map((_, at) => configCase(at + 1))
  t.equal(digestOf(asked), cases, 'the recording is of these cases; otherwise: node lab/spring/record.ts config')
  const root = realpathSync(t.testdir())
  const found = await pooled(asked, LANES, async (each, at, lane) =>
    differences(each, answers[at]!, await askOurs(join(root, `case${lane}`), each)))
  const { counts, unlisted } = tally(found.flat(), [...DIFFERENCES, ...FAULTS])
  for (const difference of unlisted.slice(0, SHOWN)) t.fail(`a difference that is not listed\n${show(difference)}`)
  t.equal(unlisted.length, 0, 'every other answer is the same')
  for (const [{ name }, count] of counts) {
    t.comment(`${String(count).padStart(5)} ${name}`)
    t.not(count, 0, `"${name}" is met; what is met no more is taken out of the list`)
  }
  for (const { name, reason } of FAULTS) t.comment(`KNOWN FAULT, not mended: ${name}. ${reason}`)
})
