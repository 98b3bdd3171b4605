/** Where ours is not Spring's answer on purpose. docs/differences-from-spring.md has these classes, too. */
import type { SettingsCase } from './case.ts'
import type { Difference } from './compare.ts'
import { codeOf, given, isUnset, oursReads, type ListedSettings } from './listed.ts'

const letters = (key: string): string => key.toLowerCase().replaceAll(/[^a-z0-9]/g, '')

/** Whether some line, argument or variable has this name when only letters and digits count. */
function isGivenInLetters (difference: Difference, key: string): boolean {
  const wanted = letters(key).replace(/^(?:app|mail|shop)/, '')
  return wanted.startsWith('spring') || letters(given(difference)).includes(wanted)
}

const sources = ({ files, env, args }: SettingsCase): number =>
  Object.keys(files).length + Object.keys(env).length + args.length

const BEYOND = /^"(?:NaN|-?Infinity|-?\d{16,}(?:\.\d+)?)"$/

export const DIFFERENCES: readonly ListedSettings[] = [
  {
    name: 'a name in any spelling',
    reason: 'code that asks for maxSize, max_size or MAXSIZE finds max-size, which Spring finds by its own spelling only',
    is: difference => difference.question !== undefined && isUnset(difference.spring) && typeof difference.ours === 'string' &&
      isGivenInLetters(difference, difference.question.key)
  },
  {
    name: 'durations and sizes in more forms',
    reason: '1.5s, 100.0, 10mb and 512 kb say what they mean; Spring refuses them',
    is: difference => ['duration', 'bytes'].includes(difference.question?.kind ?? '') && oursReads(difference)
  },
  {
    name: 'numbers that JavaScript cannot count',
    reason: 'NaN, infinity and whole numbers beyond 2^53 would be silently another number',
    is: ({ question, spring, ours }) => ['number', 'integer', 'duration', 'bytes'].includes(question?.kind ?? '') &&
      codeOf(ours) === 'E_SETTING_TYPE' && BEYOND.test(JSON.stringify(spring))
  },
  {
    name: 'a fraction is no whole number',
    reason: '0.5 read as a whole number is a slip; Spring cuts a number of YAML or JSON to 0',
    is: ({ question, spring, ours }) => question?.kind === 'integer' && codeOf(ours) === 'E_SETTING_TYPE' && typeof spring === 'string'
  },
  {
    name: 'a blank value is not set',
    reason: 'an empty value of a number takes a value back; blanks are no more than that',
    is: ({ question, spring, ours }) => question?.kind !== 'get' && isUnset(ours) && /NumberFormatException: empty String|NumberFormatException: For input string: \\"\\"|is not a valid|must match/.test(JSON.stringify(spring))
  },
  {
    name: 'a placeholder that stands for nothing, where a value is bound',
    reason: 'the error names file and line; Spring hands on the text ${...} as the value, or its default',
    is: ({ question, ours }) => question?.kind !== 'get' && codeOf(ours).startsWith('E_CONFIG_PLACEHOLDER')
  },
  {
    name: 'a list in a tree',
    reason: 'it comes whole from one source, as it does when it is read as a list; Spring mixes the items of all in a map of objects',
    is: ({ question, asked, spring, ours }) => question?.kind === 'tree' && / > \d/.test(JSON.stringify(spring) + JSON.stringify(ours)) && sources(asked) > 1
  },
  {
    name: 'a number as a boolean',
    reason: '1 and 0 are true and false wherever they are written; Spring takes the texts only',
    is: difference => difference.question?.kind === 'boolean' && oursReads(difference)
  },
  {
    name: 'tags, tabs and ends of documents in YAML',
    reason: '!!set and !!omap are no settings; a tab before a value is a blank, and after "..." a document may begin without ---: Spring reads the first, refuses the others',
    is: ({ question, asked, ours }) => question === undefined && (codeOf(ours) === 'E_CONFIG_YAML' ? /!!(?:omap|set)/ : /: \t|^\.\.\.$/m).test(Object.values(asked.files).join('\n'))
  },
  {
    name: 'brackets that do not close',
    reason: '"a[b" is a name like another; Spring takes it for a.b by accident',
    is: ({ asked }) => Object.values(asked.files).some(text => text.includes('"a[b"'))
  },
  {
    name: 'malformed profile expressions',
    reason: '"blue |" or "blue green" is a slip, which the start names; Spring takes it for "blue" or for one name',
    is: ({ question, ours }) => question === undefined && codeOf(ours) === 'E_CONFIG_EXPRESSION'
  },
  {
    name: 'names of profiles that are not safe in a path',
    reason: 'a profile becomes part of file names and URLs, so spring.profiles.validate=false changes nothing here',
    is: ({ question, ours }) => question === undefined && codeOf(ours) === 'E_CONFIG_PROFILE'
  }
]
