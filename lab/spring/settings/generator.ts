/** Makes a case of settings from a seed: the same seed gives the same case. */
import { createRandom } from '@breakwater/messaging/testing'
import type { SettingsCase } from './case.ts'
import { Draft } from './draft.ts'
import { INGREDIENTS } from './ingredients.ts'

/** Names that ingredients write below, so that they meet only where they mean to. */
const NAMES = ['app', 'mail', 'shop']

/** One to three ingredients, so that what differs is not hidden behind what else is there. */
export function settingsCase (seed: number): SettingsCase {
  const random = createRandom(Math.imul(seed, 2654435761))
  const draft = new Draft(random)
  draft.ask('profiles', '')
  const count = 1 + random.below(NAMES.length)
  for (const name of NAMES.slice(0, count)) random.pick(INGREDIENTS)(draft, name)
  return draft.finish()
}
