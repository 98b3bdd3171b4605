/**
 * Faults of ours that are known and not mended yet, each with its smallest input. The tests print them and fail when
 * one of them is met no more: then it is mended, and its entry goes.
 */
import { codeOf, given, isUnset, oursReads, reasonOf, type ListedSettings } from './listed.ts'
import type { Difference } from './compare.ts'

const keyOf = (arg: string): string => arg.split('=', 1)[0]!

const hasTwice = ({ asked: { args } }: Difference): boolean => new Set(args.map(keyOf)).size < args.length

const starts = (text: string): boolean => text.includes('"starts":true')

export const FAULTS: readonly ListedSettings[] = [
  { name: 'arguments given twice', reason: '--v=red --v=blue: Spring red,blue; ours blue', is: hasTwice },
  {
    name: 'keys at a place where they do not count',
    reason: 'spring.profiles.include in a document with on-profile, spring.profiles: blue anywhere: Spring refuses to start; ours starts',
    is: ({ spring, ours }) => starts(reasonOf(ours)) && /InactiveConfigDataAccess|InvalidConfigDataProperty/.test(reasonOf(spring))
  },
  {
    name: 'profiles named in a document with an activation',
    reason: 'on-profile: "!red" with spring.profiles.default: green: Spring green; ours default',
    is: difference => /on-profile/.test(given(difference)) && /spring\.profiles\.(?:default|active|group)/.test(given(difference))
  },
  { name: 'a group of the default profile', reason: 'spring.profiles.group.default: local, nothing active: Spring default, local; ours default', is: difference => /group.{0,5}default/i.test(given(difference)) },
  { name: 'cloud platforms', reason: 'on-cloud-platform: none with nothing set, or aws: Spring takes the first and refuses the second; ours neither', is: difference => /on-cloud-platform/.test(given(difference)) },
  {
    name: 'forms of locations',
    reason: 'plain[.yml], one.yml;two.yml, env:SOME_VAR, optional:vault:x, spring.config.on-not-found=ignore: Spring starts; ours E_CONFIG_LOCATION',
    is: ({ question, ours, spring }) => question === undefined && codeOf(ours) === 'E_CONFIG_LOCATION' && starts(reasonOf(spring))
  },
  { name: 'a config tree without a slash at its end', reason: 'configtree:/sec: Spring refuses; ours reads it', is: ({ question, spring }) => question === undefined && /must end with/.test(reasonOf(spring)) },
  {
    name: 'an index written as a name',
    reason: 'l: [a], asked for l.0, or l: {"0": a} asked for l[0] or as a list: Spring a; ours nothing',
    is: difference => /(?:\.|\[)\d|list|node/.test(difference.question?.key ?? '') && !isUnset(difference.spring) && !oursReads(difference) &&
      (isUnset(difference.ours) || JSON.stringify(difference.ours) === '[]' || /"\[?0\]?"/.test(given(difference)))
  },
  {
    name: 'a text where a map is read, lists with gaps or with objects',
    reason: 'app: text as a map, l[1]=x alone or l: [{x: 1}] as a list of texts: Spring has an error; ours an empty map, [x], []',
    is: difference => ['list', 'map', 'tree'].includes(difference.question?.kind ?? '') && oursReads(difference)
  },
  { name: 'a bracket in a placeholder', reason: '"base[odd]": 1 asked for as ${base[odd]} or ${base.[odd]}: Spring 1; ours nothing', is: difference => /\[odd\]/.test(given(difference)) },
  { name: 'names with an empty end in a map', reason: '"b.": 1 as a map: Spring {b: 1}; ours {}', is: difference => /\b[bx]\.[":= ]/.test(given(difference)) },
  {
    name: 'two variables of one name',
    reason: 'APP_MAX-SIZE=1 and app_max_size=2, asked for app.max-size: Spring 2; ours 1. SHOP_LIST_4=1 and SHOP_LIST_4_=2 as a map: Spring 1; ours 2',
    is: ({ question, asked }) => /max|list|(?:app|mail|shop)$/.test(question?.key ?? '') && Object.keys(asked.env).length > 1
  },
  {
    name: 'placeholders in files of a config tree',
    reason: 'a file q of ${SMTP_PORT:9} below configtree: Spring the text as it is; ours 9',
    is: ({ asked, question }) => ['q', 'pw', 'lines', 'crlf'].includes(question?.key ?? '') && 'tree/q' in asked.files
  },
  { name: 'zero below zero in JSON', reason: 'SPRING_APPLICATION_JSON={"a":-0}: Spring 0; ours -0', is: difference => /:-0\}/.test(given(difference)) },
  {
    name: 'included profiles beside the default ones',
    reason: '--spring.profiles.include=local with --spring.profiles.default=blue: Spring local; ours local, blue',
    is: difference => /profiles\.include|PROFILES_INCLUDE/.test(given(difference)) && /profiles\.default|PROFILES_DEFAULT/.test(given(difference))
  },
  { name: 'no default profile', reason: '--spring.profiles.default=: Spring has no profile; ours default', is: ({ question, spring }) => question?.kind === 'profiles' && JSON.stringify(spring) === '[]' },
  {
    name: 'commas in an item of spring.config.import',
    reason: 'spring.config.import: ["a.yml, b.yml"]: Spring takes it for one file, and refuses; ours reads two',
    is: ({ asked, question, ours }) => question === undefined && starts(reasonOf(ours)) && /import: \[".*,.*",/.test(Object.values(asked.files).join('\n'))
  },
  {
    name: 'a file in a usual and in an additional location',
    reason: 'additional-location file:x/*/;file:config/*/ where config/b/application.yml is found as usual, too: Spring ranks it as additional; ours as usual',
    is: ({ asked, question }) => /config\.additional-?location|ADDITIONAL_?LOCATION/i.test([...asked.args, ...Object.keys(asked.env)].join(' ')) && /\.from$|\.in-/.test(question?.key ?? '')
  },
  { name: 'empty texts in trees', reason: 'app.x.y: 1 with --app.x=: as a tree Spring {x: ""}; ours {x: {y: 1}}. JSON {"shop.value":[]}: Spring {value: "[]"}; ours {value: ""}', is: ({ question, spring, ours }) => question?.kind === 'tree' && /:""/.test(JSON.stringify([spring, ours])) },
  { name: 'binary values', reason: 'k: !!binary aGk=: Spring 104,105; ours aGk=', is: difference => /!!binary/.test(given(difference)) },
  {
    name: 'one name in two spellings',
    reason: 'app.time-out: 2 with APP_TIME_OUT=3, asked for app.timeout: Spring 2; ours 3. {one_two: 1, ONE_TWO: 2} as a map: Spring has 2 for both; ours 1',
    is: ({ question, spring, ours }) => /max|time-?out|one-?two|app$|mail$|shop$/i.test(question?.key ?? '') && !isUnset(spring) && !isUnset(ours)
  }
]
