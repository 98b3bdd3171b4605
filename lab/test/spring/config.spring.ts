/** Fresh requests to Spring's config server and to ours; `SEED=7 CASES=10` runs the cases 7 to 16 (again). */
import { realpathSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { ConfigCase } from '../../spring/config/case.ts'
import { differences, show, type ConfigDifference } from '../../spring/config/compare.ts'
import { DIFFERENCES } from '../../spring/config/differences.ts'
import { FAULTS } from '../../spring/config/faults.ts'
import { configCase } from '../../spring/config/generator.ts'
import { askAll, askOurs, lay } from '../../spring/config/ours.ts'
import { startSpringServer } from '../../spring/config/spring.ts'
import { shrink } from '../../spring/shrink.ts'
import { tally } from '../../spring/tally.ts'

const first = Number(process.env['SEED'] ?? Math.floor(Math.random() * 1e9))
const count = Number(process.env['CASES'] ?? 50)

t.test(`answers of the config server to the cases from SEED=${first} on`, async t => {
  const root = join(realpathSync(t.testdir()), 'spring')
  const { url } = await startSpringServer(root, stop => t.after(stop))
  const unlisted = async (asked: ConfigCase): Promise<readonly ConfigDifference[]> => {
    lay(root, asked)
    const theirs = await askAll(url, root, asked)
    return tally(differences(asked, theirs, await askOurs(`${root}-ours`, asked)), [...DIFFERENCES, ...FAULTS]).unlisted
  }
  for (let seed = first; seed < first + count; seed++) {
    const [found] = await unlisted(configCase(seed))
    if (found === undefined) continue
    const alone = { ...found.asked, questions: [found.question] }
    const small = await shrink(alone, async asked => (await unlisted(asked)).length > 0)
    const [least = found] = await unlisted(small)
    t.fail(`SEED=${seed}: a difference that is not listed\n${show(least)}`)
  }
  t.pass('every case was asked')
})
