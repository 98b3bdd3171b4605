/** Settings against what Spring Boot has answered to the same cases; see lab/spring/README.md. */
import { join } from 'node:path'
import t from 'tap'
import { pooled } from '../spring/pool.ts'
import { digestOf, readRecording } from '../spring/recording.ts'
import { askIn } from '../spring/settings/asker.ts'
import type { Answers } from '../spring/settings/case.ts'
import { differences, show } from '../spring/settings/compare.ts'
import { DIFFERENCES } from '../spring/settings/differences.ts'
import { FAULTS } from '../spring/settings/faults.ts'
import { settingsCase } from '../spring/settings/generator.ts'
import { judge } from './judge.ts'

const LANES = 8

t.test('settings are those of Spring Boot, but for what is listed', async t => {
  const { cases, answers } = readRecording<Answers>('settings')
  const asked = answers.map((_, at) => settingsCase(at + 1))
  t.equal(digestOf(asked), cases, 'the recording is of these cases; otherwise: node lab/spring/record.ts settings')
  const root = t.testdir()
  const found = await pooled(asked, LANES, async (each, at, lane) =>
    differences(each, answers[at]!, await askIn(join(root, `case${lane}`), each)))
  judge(t, found.flat(), { differences: DIFFERENCES, faults: FAULTS }, show)
})
