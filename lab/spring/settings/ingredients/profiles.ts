/** Profiles: who names them, groups, documents and files that depend on them, and keys at the wrong place. */
import type { Draft } from '../draft.ts'
import type { Ingredient } from '../ingredients.ts'

const PROFILES = ['blue', 'green', 'red', 'default', 'local']
const EXPRESSIONS = ['blue', '!blue', 'blue & green', 'blue | red', '!(blue | red)', '(blue & !red) | green', 'blue & green | red', 'default', '!default', '[blue, red]', 'blue, red', '!green & !red', '"blue |"', '"(blue"', '"blue green"',
  '"!"', '""', '"blue)"', '"& blue"', '"!!blue"', '"blue&green"', '"( blue )"', 'Blue', '*x', '"(blue | red) & (green | local)"', '"blue & (green"', '"()"', '"|"', '"blue || red"', '"blue && green"', '"!(!blue)"']

const pickList = (draft: Draft): string[] => {
  const { random } = draft
  return Array.from({ length: 1 + random.below(2) }, () => random.pick(PROFILES))
}

function activate (draft: Draft): void {
  const { random } = draft
  const list = pickList(draft)
  random.pick([
    () => { draft.args.push(`--spring.profiles.active=${list.join(',')}`) },
    () => { draft.args.push(`--spring.profiles.active=${list.join(',')}`) },
    () => { draft.env['SPRING_PROFILES_ACTIVE'] = list.join(', ') },
    () => { draft.lines('application.yml', [`spring.profiles.active: ${list.join(',')}`]) },
    () => { draft.lines('application.yml', [`spring.profiles.active: [${list.join(', ')}]`]) },
    () => { draft.lines('application.properties', [`spring.profiles.active=${list.join(',')}`]) },
    () => { draft.args.push(`--spring.profiles.active[0]=${list[0]}`) },
    () => { draft.env['SPRING_PROFILES_ACTIVE_0'] = list[0]! },
    () => { draft.lines('application.yml', [`spring.profiles.include: [${list.join(', ')}]`]) },
    () => { draft.args.push(`--spring.profiles.include=${list.join(',')}`) },
    () => { draft.env['SPRING_PROFILES_INCLUDE'] = list.join(',') },
    () => { draft.lines('application.yml', [`spring.profiles.default: ${list.join(',')}`]) },
    () => { draft.args.push(`--spring.profiles.default=${list.join(',')}`) },
    () => { draft.env['SPRING_APPLICATION_JSON'] ??= JSON.stringify({ spring: { profiles: { active: list } } }) },
    () => { draft.env['RUN_AS'] = list[0]!; draft.lines('application.yml', ['spring.profiles.active: "${RUN_AS:green}"']) }
  ])()
}

function group (draft: Draft): void {
  const { random } = draft
  const of = random.pick([...PROFILES, 'team-a', 'team'])
  const members = pickList(draft)
  random.pick([
    () => { draft.lines('application.yml', [`spring.profiles.group.${of}: [${members.join(', ')}]`]) },
    () => { draft.lines('application.yml', [`spring.profiles.group.${of}: ${members.join(',')}`]) },
    () => { draft.lines('application.properties', [`spring.profiles.group.${of}=${members.join(',')}`]) },
    () => { draft.args.push(`--spring.profiles.group.${of}=${members.join(',')}`) },
    () => { draft.env[`SPRING_PROFILES_GROUP_${of.toUpperCase()}`] = members.join(',') },
    () => { draft.lines('application.yml', [`spring.profiles.group: {"[${of}]": [${members.join(', ')}]}`]) }
  ])()
}

/** Who won: every file and document says its name. */
function files (draft: Draft, name: string): void {
  const { random } = draft
  for (const file of ['application', ...PROFILES.map(profile => `application-${profile}`)]) {
    if (!random.chance(0.5)) continue
    const path = `${random.pick(['', '', '', 'config/', 'config/extra/'])}${file}${random.pick(['.yml', '.yml', '.yaml', '.properties'])}`
    draft.lines(path, [`${name}.from: ${path}`, `${name}.in-${file}: ${path}`])
    draft.ask('get', `${name}.in-${file}`)
  }
  draft.ask('get', `${name}.from`)
}

const profileFiles: Ingredient = (draft, name) => {
  const { random } = draft
  for (let count = random.below(3); count > 0; count--) activate(draft)
  for (let count = random.below(3); count > 0; count--) group(draft)
  files(draft, name)
}

const documents: Ingredient = (draft, name) => {
  const { random } = draft
  if (random.chance(0.8)) activate(draft)
  if (random.chance(0.3)) group(draft)
  for (let count = 1 + random.below(3); count > 0; count--) {
    const file = random.pick(['application.yml', 'application.yml', 'application.properties', 'application-blue.yml'])
    const at = Math.max(1, draft.documents(file))
    const expression = random.pick(EXPRESSIONS)
    const text = file.endsWith('.yml') ? expression : expression.replaceAll('"', '')
    draft.lines(file, [`spring.config.activate.on-profile: ${text}`, `${name}.document: ${file} ${at}`, `${name}.in${count}: "yes"`], at)
  }
  draft.ask('get', `${name}.document`, `${name}.in1`, `${name}.in2`, `${name}.in3`)
}

const MISPLACED = ['spring.profiles.active: green', 'spring.profiles.include: green', 'spring.profiles.include: [green]', 'spring.profiles.default: green', 'spring.profiles: blue', 'spring: {profiles: blue}',
  'spring.profiles.group.blue: green', 'spring.profiles.active: [green]', 'spring.profiles.active: ""', 'spring.profiles.include: []', 'spring.profiles[0]: blue', 'spring.config.activate.on-profile: blue',
  'spring.config.name: other', 'spring.config.location: x/', 'spring.config.additional-location: x/', 'spring.main.cloud-platform: heroku', 'spring.config.use-legacy-processing: true', 'spring.profiles.validate: false']

const misplaced: Ingredient = (draft, name) => {
  const { random } = draft
  const yaml = random.pick(MISPLACED)
  const active = random.chance(0.6)
  if (active) draft.args.push('--spring.profiles.active=blue')
  const inProperties = random.chance(0.4) && !/[[{"]/.test(yaml)
  const extension = inProperties ? 'properties' : 'yml'
  const place = random.below(3)
  const file = place === 0 ? `application-blue.${extension}` : `application.${extension}`
  if (place === 1) draft.lines(file, [`spring.config.activate.on-profile: ${random.pick(inProperties ? ['blue', '!red', 'red'] : ['blue', '"!red"', 'red'])}`, yaml, `${name}.seen: 1`], Math.max(1, draft.documents(file)))
  else draft.lines(file, [yaml, `${name}.seen: 1`])
  draft.lines('application-green.yml', [`${name}.green: 1`])
  draft.ask('get', `${name}.seen`, `${name}.green`)
}

const ODD_NAMES = ['a b', 'a/b', '-a', 'a-', 'ä', 'a.b', 'a..b', 'a_b', 'A', '', ',', 'a,,b', '..', 'a@b', 'a+b', '.a', '0', 'a:b', '!a', '(a)', 'a&b', '*']

const oddNames: Ingredient = (draft, name) => {
  const { random } = draft
  const odd = random.pick(ODD_NAMES)
  random.pick([
    () => { draft.args.push(`--spring.profiles.active=${odd}`) }, () => { draft.lines('application.yml', [`spring.profiles.active: "${odd}"`]) },
    () => { draft.lines('application.yml', [`spring.profiles.include: "${odd}"`]) }, () => { draft.args.push(`--spring.profiles.default=${odd}`) },
    () => { draft.args.push('--spring.profiles.active=blue'); draft.lines('application.yml', [`spring.profiles.group.blue: "${odd}"`]) }
  ])()
  if (random.chance(0.2)) draft.args.push('--spring.profiles.validate=false')
  draft.lines('application.yml', [`${name}.seen: 1`])
  draft.ask('get', `${name}.seen`)
}

export const profiles: readonly Ingredient[] = [
  profileFiles, profileFiles, profileFiles, documents, documents, misplaced, misplaced, oddNames
]
