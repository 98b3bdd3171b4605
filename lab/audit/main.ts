/**
 * `npm run audit:security -- [--target [DOOR=]URL]... [--profile NAME] [--theme NAME,...] [--sample N] [--quick]
 * [--list] [--json]`: attacks a running stack and says what gave way. Without a target it starts one itself, once as in
 * production (profile `secured`) and once with nothing chosen (`local`). DOOR is gateway, which is the default, admin,
 * registry, config, bus, users or orders; against a stack of somebody else what needs the audit's own instance or
 * settings is left out, and `--profile` says how it is set up. `--sample N` tries N of each theme, evenly spread;
 * `--quick` leaves out what takes longer than a minute. Ends with 0 when all held, with 1 when something gave way, and
 * with 2 when it could not be tried.
 */
import { readFlags, wholeNumber } from '../../scripts/flags.ts'
import { PROFILES, type Profile, type Theme } from './attack.ts'
import { CORPUS } from './corpus/all.ts'
import { givenTarget } from './given.ts'
import { asJson, faultLine, sumLine, themeLines } from './report.ts'
import { runCorpus, sampled, type Outcome } from './run.ts'
import { onOwnStack } from './stack.ts'

const values = readFlags(import.meta.filename, {
  target: { type: 'string', multiple: true }, profile: { type: 'string' }, theme: { type: 'string' },
  sample: { type: 'string' }, quick: { type: 'boolean' }, list: { type: 'boolean' }, json: { type: 'boolean' }
})

try {
  const themes = chosenThemes()
  if (values.list === true) list(themes)
  else process.exitCode = await audit(themes)
} catch (cause) {
  console.error(`the audit could not be run: ${(cause as Error).message}`)
  process.exitCode = 2
}

function chosenThemes (): readonly Theme[] {
  const names = values.theme?.split(',')
  const unknown = names?.filter(name => !CORPUS.some(theme => theme.name === name)) ?? []
  if (unknown.length > 0) throw new TypeError(`no theme ${unknown.join(', ')}: ${CORPUS.map(({ name }) => name).join(', ')}`)
  const themes = names === undefined ? CORPUS : CORPUS.filter(({ name }) => names.includes(name))
  return values.sample === undefined ? themes : sampled(themes, wholeNumber('sample', values.sample, 0))
}

function list (themes: readonly Theme[]): void {
  for (const { name, about, attacks } of themes) {
    console.log(`${name}: ${about}`)
    for (const attack of attacks) console.log(`  ${attack.door.padEnd(9)} ${attack.name} [${attack.source}]`)
  }
}

async function audit (themes: readonly Theme[]): Promise<number> {
  const startedMs = performance.now()
  const outcomes = values.target === undefined ? await ownStacks(themes) : await givenStack(themes, values.target)
  if (values.json === true) console.log(asJson(outcomes))
  else for (const line of themeLines(outcomes)) console.log(line)
  say(`${sumLine(outcomes)}, ${Math.round((performance.now() - startedMs) / 1000)} s`)
  if (!outcomes.some(({ kind }) => kind !== 'skipped')) throw new Error('nothing of it could be tried')
  return outcomes.some(({ kind }) => kind === 'fault') ? 1 : 0
}

function givenStack (themes: readonly Theme[], words: readonly string[]): Promise<Outcome[]> {
  const [profile] = values.profile === undefined ? [] : chosenProfiles()
  return runCorpus(themes, givenTarget(words, profile), options())
}

/** One after the other: two stacks at once are more than a small machine bears. */
async function ownStacks (themes: readonly Theme[]): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  for (const profile of chosenProfiles()) {
    say(`profile ${profile}: starting`)
    outcomes.push(...await onOwnStack(profile, stack => runCorpus(themes, stack, options())))
  }
  return outcomes
}

function chosenProfiles (): readonly Profile[] {
  const profiles = PROFILES.filter(name => values.profile === undefined || name === values.profile)
  if (profiles.length === 0) throw new TypeError(`no profile ${values.profile}: ${PROFILES.join(', ')}`)
  return profiles
}

function options (): Parameters<typeof runCorpus>[2] {
  let tried = 0
  return {
    quick: values.quick === true,
    onOutcome: outcome => {
      if (outcome.kind === 'fault') say(faultLine(outcome))
      if (outcome.kind !== 'skipped' && ++tried % 100 === 0) say(`${tried} tried`)
    }
  }
}

/** With --json, standard output is for machines. */
function say (text: string): void {
  if (values.json === true) console.error(text)
  else console.log(text)
}
