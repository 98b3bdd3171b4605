/** The profiles that a served file adds with `spring.profiles.include`. */
import { formatOrigin, type ConfigDocument } from '@breakwater/starter/settings'
import { error } from '../errors.ts'
import { isProfile } from './ask.ts'

const INCLUDE = 'spring.profiles.include'

/** A comma list or a YAML list; checked like the profiles of a client, as they become parts of file names. */
export function includedProfiles (document: ConfigDocument): string[] {
  const profiles = textsOf(document).flatMap(text => text.split(',')).map(text => text.trim()).filter(text => text !== '')
  const bad = profiles.find(profile => !isProfile(profile))
  if (bad !== undefined) {
    throw error('E_CONFIG_FILE', [`${INCLUDE} names "${bad.slice(0, 80)}", which is no profile.`], { where: document.name })
  }
  return profiles
}

/** Boot refuses to include from where profiles decide already: which profiles there are would depend on itself. */
export function refuseInclude ({ properties }: ConfigDocument): void {
  const include = properties.get(INCLUDE) ?? properties.get(`${INCLUDE}[0]`)
  if (include === undefined) return
  throw error('E_CONFIG_FILE', [`${INCLUDE} has no place in a file or document of a profile.`],
    { where: formatOrigin(include.origin) })
}

function textsOf ({ properties }: ConfigDocument): string[] {
  const texts = [properties.get(INCLUDE)?.value.text ?? '']
  for (let index = 0; properties.has(`${INCLUDE}[${index}]`); index++) {
    texts.push(properties.get(`${INCLUDE}[${index}]`)!.value.text)
  }
  return texts
}
