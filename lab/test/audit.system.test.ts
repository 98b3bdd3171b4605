/** The attacks of `npm run audit:security`, some of each theme, against stacks of its own: nothing gives way. */
import t from 'tap'
import { skip } from '../../gateway/test/self-signed.ts'
import { PROFILES, type Attack } from '../audit/attack.ts'
import { CORPUS } from '../audit/corpus/all.ts'
import { faultLine } from '../audit/report.ts'
import { runCorpus, sampled } from '../audit/run.ts'
import { onOwnStack } from '../audit/stack.ts'

/** So many of a theme take some twenty seconds for each profile. */
const OF_EACH = 16

const THEMES = sampled(CORPUS, OF_EACH)

for (const profile of PROFILES) {
  t.test(`nothing gives way: ${profile}`, { skip, timeout: 240_000 }, async t => {
    const outcomes = await onOwnStack(profile, stack => runCorpus(THEMES, stack, { quick: true, onOutcome: () => {} }))
    for (const outcome of outcomes) if (outcome.kind === 'fault') t.fail(faultLine(outcome))
    const tried = outcomes.filter(({ kind }) => kind === 'sound')
    t.ok(tried.length > 150, `${tried.length} were tried`)
    t.strictSame([...new Set(tried.map(({ theme }) => theme))].toSorted(), themesOf(profile), 'of each theme that is about the profile')
  })
}

function themesOf (profile: typeof PROFILES[number]): string[] {
  const isAbout = ({ profiles = PROFILES }: Attack): boolean => profiles.includes(profile)
  return THEMES.filter(({ attacks }) => attacks.some(isAbout)).map(({ name }) => name).toSorted()
}
