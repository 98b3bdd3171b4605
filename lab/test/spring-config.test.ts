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
import { judge } from './judge.ts'

const LANES = 4

t.test('the config server answers as Spring\'s own, but for what is listed', async t => {
  const { cases, answers } = readRecording<ConfigAnswer[]>('config')
  const asked = answers.map((_, at) => configCase(at + 1))
  t.equal(digestOf(asked), cases, 'the recording is of these cases; otherwise: node lab/spring/record.ts config')
  const root = realpathSync(t.testdir())
  const found = await pooled(asked, LANES, async (each, at, lane) =>
    differences(each, answers[at]!, await askOurs(join(root, `case${lane}`), each)))
  judge(t, found.flat(), { differences: DIFFERENCES, faults: FAULTS }, show)
})
