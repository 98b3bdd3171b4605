/** Fresh cases of settings, asked of Spring Boot and of ours; `SEED=7 CASES=100` runs the cases 7 to 106 (again). */
import { join } from 'node:path'
import t from 'tap'
import { askIn } from '../../spring/settings/asker.ts'
import type { SettingsCase } from '../../spring/settings/case.ts'
import { differences, show, type Difference } from '../../spring/settings/compare.ts'
import { DIFFERENCES } from '../../spring/settings/differences.ts'
import { FAULTS } from '../../spring/settings/faults.ts'
import { settingsCase } from '../../spring/settings/generator.ts'
import { shrink } from '../../spring/shrink.ts'
import { startSpringAsker } from '../../spring/settings/spring.ts'
import { tally } from '../../spring/tally.ts'

const first = Number(process.env['SEED'] ?? Math.floor(Math.random() * 1e9))
const count = Number(process.env['CASES'] ?? 1000)

t.test(`settings of the cases from SEED=${first} on`, async t => {
  const spring = startSpringAsker()
  t.teardown(() => spring.stop())
  const folder = join(t.testdir(), 'case')
  const unlisted = async (asked: SettingsCase): Promise<readonly Difference[]> => {
    const theirs = await askIn(folder, asked, spring.ask)
    return tally(differences(asked, theirs, await askIn(folder, asked)), [...DIFFERENCES, ...FAULTS]).unlisted
  }
  for (let seed = first; seed < first + count; seed++) {
    const [found] = await unlisted(settingsCase(seed))
    if (found === undefined) continue
    const alone = { ...found.asked, questions: [found.question ?? { kind: 'profiles', key: '' } as const] }
    const small = await shrink(alone, async asked => (await unlisted(asked)).length > 0)
    const [least = found] = await unlisted(small)
    t.fail(`SEED=${seed}: a difference that is not listed\n${show(least)}`)
  }
  t.pass('every case was asked')
})
