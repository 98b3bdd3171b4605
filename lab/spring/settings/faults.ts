/**
 * Faults of ours that are known and not mended yet, each with its smallest input. The tests print them and fail when
 * one of them is met no more: then it is mended, and its entry goes.
 */
import type { Difference } from './compare.ts'
import { codeOf, given, isUnset, oursReads, reasonOf, type ListedSettings } from './listed.ts'

const starts = (text: string): boolean => text.includes('"starts":true')

const asks = ({ question }: Difference, pattern: RegExp): boolean => pattern.test(question?.key ?? '')

const isStart = ({ question }: Difference): boolean => question === undefined

/** Ours starts, for a reason that Spring gives not to. */
const startsAlone = (difference: Difference, why: RegExp): boolean =>
  isStart(difference) && starts(reasonOf(difference.ours)) && why.test(reasonOf(difference.spring))

export const FAULTS: readonly ListedSettings[] = [
  {
    name: 'more keys at a place where they do not count',
    reason: 'spring.profiles.validate: false in a document with on-profile that does not count: Spring refuses to start; ours starts',
    is: difference => startsAlone(difference, /InactiveConfigDataAccess/)
  },
  {
    name: 'a folder that is missing in a group of locations',
    reason: 'additional-location=file:x/;file:gone/: Spring starts, as one of the group is there; ours E_CONFIG_LOCATION',
    is: difference => isStart(difference) && codeOf(difference.ours) === 'E_CONFIG_LOCATION' && given(difference).includes(';')
  },
  {
    name: 'a file that is imported twice',
    reason: 'spring.config.import: ["extra.yml;sub/extra.yml", extra.yml]: extra.yml wins in Spring, sub/extra.yml here',
    is: difference => asks(difference, /\.from$/) && /config\.import/.test(given(difference))
  },
  {
    name: 'commas in an item of spring.config.import',
    reason: 'spring.config.import: ["a.yml, b.yml"]: Spring takes it for one file, and refuses; ours reads two',
    is: difference => startsAlone(difference, /NotFoundException/) && /import: \[".*,.*",/.test(given(difference))
  },
  {
    name: 'a file in a usual and in an additional location',
    reason: 'additional-location file:x/*/;file:config/*/ where config/b/application.yml is found as usual, too: Spring ranks it as additional; ours as usual',
    is: difference => asks(difference, /\.from$|\.in-/) && /ADDITIONAL-?_?LOCATION/i.test(given(difference))
  },
  {
    name: 'no default profile',
    reason: '--spring.profiles.default=: Spring has no profile; ours default',
    is: ({ question, spring }) => question?.kind === 'profiles' && JSON.stringify(spring) === '[]'
  },
  {
    name: 'an index written as a name',
    reason: 'l: [a], asked for l.0, or l: {"0": a} asked for l[0] or as a list: Spring a; ours nothing',
    is: difference => asks(difference, /(?:\.|\[)\d|list$|node$/) && !isUnset(difference.spring) && !oursReads(difference) &&
      (isUnset(difference.ours) || JSON.stringify(difference.ours) === '[]' || /"\[?0\]?"|\["/.test(given(difference)))
  },
  {
    name: 'a text where a map is read, lists with gaps or with objects',
    reason: 'app: text as a map, l[1]=x alone or l: [{x: 1}] as a list of texts: Spring has an error; ours an empty map, [x], []',
    is: difference => ['list', 'map', 'tree'].includes(difference.question?.kind ?? '') && oursReads(difference)
  },
  {
    name: 'an empty map in JSON',
    reason: 'SPRING_APPLICATION_JSON={"app":{"value":{}}}, asked for app.value: Spring has an error; ours nothing',
    is: ({ spring, ours }) => isUnset(ours) && /LinkedHashMap/.test(reasonOf(spring))
  },
  {
    name: 'a bracket behind a dot or before a blank in a placeholder',
    reason: '"base[odd]": 1 asked for as ${base.[odd]} or ${base[odd] :2}: Spring 1; ours nothing, 2',
    is: difference => /\$\{base\.\[odd\]|\[\w+\] :1/.test(given(difference)) && asks(difference, /one|two|list|map|^app$|^mail$|^shop$/)
  },
  {
    name: 'names with an empty end in a map',
    reason: '"b.": 1 as a map: Spring {b: 1}; ours {}',
    is: difference => /\b[bx]\.[":= ]/.test(given(difference)) && asks(difference, /^\w+(?:\.b)?$/)
  },
  {
    name: 'empty texts in trees',
    reason: 'JSON {"shop.value":[]}: as a tree Spring {value: "[]"}; ours {value: ""}',
    is: ({ question, ours }) => question?.kind === 'tree' && /:""/.test(JSON.stringify(ours))
  },
  {
    name: 'binary values',
    reason: 'k: !!binary aGk=: Spring 104,105; ours aGk=',
    is: difference => /!!binary/.test(given(difference)) && asks(difference, /\.one$|\.two$/)
  },
  {
    name: 'one name in two spellings',
    reason: 'app.time-out: 2 with APP_TIME_OUT=3, asked for app.timeout: Spring 2; ours 3. APP_MAX-SIZE=1 and app_max_size=2, asked for app.max-size: Spring 2; ours 1. {one_two: 1, ONE_TWO: 2} as a map: Spring has 2 for both; ours 1',
    is: difference => asks(difference, /max|time-?out|one-?two|list|^app$|^mail$|^shop$/i) && !isUnset(difference.spring)
  }
]
