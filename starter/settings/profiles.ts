import { settingsError } from './errors.ts'

/** Gives the text of a key or undefined; a list is read as comma text by the caller. */
type ReadList = (key: string) => readonly string[]

/** One rule for all: the name becomes part of file names and URLs. */
const NAME = /^[\p{L}\p{N}](?:[\p{L}\p{N}._+@-]*[\p{L}\p{N}])?$/u

/**
 * The profiles in force, in order (the last one wins): those of `PROFILE` or `spring.profiles.active`, with
 * those of `spring.profiles.include` before them and `spring.profiles.group.<name>` members right after their group.
 * Where nobody asks for any it is `spring.profiles.default`, or `default`, with their groups.
 */
export function resolveProfiles (
  active: readonly string[], included: readonly string[], list: ReadList
): string[] {
  const asked = [...included, ...(active.length > 0 ? active : list('spring.profiles.active'))]
  const usual = list('spring.profiles.default')
  const profiles = new Set<string>()
  for (const name of asked.length > 0 ? asked : usual.length > 0 ? usual : ['default']) expand(name, list, profiles)
  return [...profiles]
}

function expand (name: string, list: ReadList, into: Set<string>): void {
  if (into.has(name)) return
  if (!NAME.test(name) || name.includes('..')) {
    throw settingsError('E_CONFIG_PROFILE', [name, 'it would not be safe in a file name'])
  }
  into.add(name)
  for (const member of list(`spring.profiles.group.${name}`)) expand(member, list, into)
}

/** Names of a comma list such as the environment variable PROFILE. */
export function profileList (text: string | undefined): string[] {
  return (text ?? '').split(',').map(name => name.trim()).filter(name => name !== '')
}
