/** The same thing under several names: relaxed spellings, variables, brackets, lists laid over one another. */
import type { Draft } from '../draft.ts'
import type { Ingredient } from '../ingredients.ts'
import { YAML_NAMES } from '../values.ts'

const SPELLINGS = ['max-size', 'maxSize', 'max_size', 'MAXSIZE', 'maxsize', 'MAX_SIZE', 'Max-Size', 'max.size', 'max--size']
const VARIABLES = ['MAXSIZE', 'MAX_SIZE', 'max_size', 'MaxSize', 'MAX-SIZE', 'max.size', 'max-size', 'MAX__SIZE', 'MAX_SIZE_', '_MAX_SIZE']

const upper = (name: string): string => name.toUpperCase()

const spellings: Ingredient = (draft, name) => {
  const { random } = draft
  for (let count = 1 + random.below(2); count > 0; count--) {
    const key = `${name}.${random.pick(SPELLINGS)}`
    draft.lines(random.pick(['application.yml', 'application.properties', 'config/application.yml']), [`${key}: ${1 + random.below(9)}`])
  }
  for (let count = random.below(3); count > 0; count--) {
    draft.env[`${random.pick([upper(name), upper(name), name])}_${random.pick(VARIABLES)}`] = `${10 + random.below(9)}`
  }
  if (random.chance(0.3)) draft.args.push(`--${name}.${random.pick(SPELLINGS)}=${20 + random.below(9)}`)
  draft.ask('get', ...SPELLINGS.map(spelling => `${name}.${spelling}`))
  draft.ask('integer', `${name}.max-size`)
  draft.ask('map', name)
}

const mapNames: Ingredient = (draft, name) => {
  const { random } = draft
  const own = [...new Set(Array.from({ length: 1 + random.below(3) }, () => random.pick(YAML_NAMES)))]
  const lines = own.map((entry, at) => `${entry}: ${at + 1}`)
  draft.lines('application.yml', random.chance(0.5) ? [`${name}:`, ...lines.map(line => `  ${line}`)] : [`${name}: {${lines.join(', ')}}`])
  if (random.chance(0.4)) draft.env[`${upper(name)}_${random.pick(['A_B', 'UP', 'X', 'X_Y', 'TEAM_NAME', 'ONETWO', 'ONE_TWO', '0', 'B', 'V1_2', 'TEAMNAME'])}`] = 'env'
  if (random.chance(0.3)) draft.args.push(`--${name}${random.pick(['[a.b]', '.a.b', '.up', '.Up', '[Up]', '[x]', '.x', '[team/name]', '.one-two', '[0]'])}=arg`)
  draft.ask('map', name)
  draft.ask('tree', name)
  draft.ask('get', ...['x', 'up', 'Up', 'a.b', 'one-two', 'oneTwo', 'b'].map(entry => `${name}.${entry}`), `${name}[a.b]`, `${name}[x]`, `${name}[0]`, `${name}[team/name]`)
}

function item (draft: Draft, name: string, at: number): void {
  const { random } = draft
  const mark = `i${random.below(90)}`
  const places = [
    () => { draft.args.push(`--${name}.list[${at}]=${mark}`) },
    () => { draft.env[`${upper(name)}_LIST_${at}`] = mark },
    () => { draft.lines('application.properties', [`${name}.list[${at}]=${mark}`]) },
    () => { draft.env['SPRING_APPLICATION_JSON'] ??= `{"${name}":{"list":["${mark}"]}}` },
    () => { draft.args.push(`--${name}.list=${mark},${mark}x`) },
    () => { draft.env[`${upper(name)}_LIST`] = `${mark}, ${mark}x` },
    () => { draft.lines('application.properties', [`${name}.list=${mark},${mark}x`]) },
    () => { draft.env[`${upper(name)}_LIST_${at}_`] = mark },
    () => { draft.env[`${upper(name)}_LIST_${at}_NAME`] = mark }
  ]
  random.pick(places)()
}

const lists: Ingredient = (draft, name) => {
  const { random } = draft
  draft.lines('application.yml', [`${name}.list: ${random.pick(['[a, b, c]', '[a]', '[]', '"a, b"', '[{name: a}, {name: b}]', '[[a, b], c]', 'a', '', '{"0": a, "1": b}', '{"[0]": a}'])}`])
  for (let count = random.below(3); count > 0; count--) item(draft, name, random.pick([0, 0, 1, 2, 4]))
  draft.ask('list', `${name}.list`)
  draft.ask('get', `${name}.list`, `${name}.list[0]`, `${name}.list[2]`, `${name}.list.0`, `${name}.list[0].name`, `${name}.list[1].name`)
  draft.ask('map', `${name}.list`, name)
  draft.ask('tree', name)
}

const scalarOverTree: Ingredient = (draft, name) => {
  const { random } = draft
  draft.lines('application.yml', [`${name}.x.y: 1`, `${name}.z: 2`])
  random.pick([
    () => { draft.env[`${upper(name)}_X`] = '5' }, () => { draft.args.push(`--${name}.x=5`) }, () => { draft.args.push(`--${name}.z.w=5`) },
    () => { draft.env[`${upper(name)}_Z_W`] = '5' }, () => { draft.args.push(`--${name}=5`) }, () => { draft.args.push(`--${name}.x[0]=5`) }, () => { draft.env[upper(name)] = '5' },
    () => { draft.lines('application.properties', [`${name}.x=5`]) }, () => { draft.args.push(`--${name}.x=`) }
  ])()
  draft.ask('get', name, `${name}.x`, `${name}.x.y`, `${name}.z`, `${name}.z.w`)
  draft.ask('map', name, `${name}.x`)
  draft.ask('tree', name)
}

const underscores: Ingredient = (draft, name) => {
  const { random } = draft
  draft.lines('application.yml', [`${name}.first_name: 1`, `${name}.time-out: 2`, `${name}.labels: {"[p.q]": 3, plain: 4}`])
  for (const variable of ['FIRST_NAME', 'FIRSTNAME', 'TIME_OUT', 'TIMEOUT', 'LABELS_P_Q', 'LABELS_PQ', 'LABELS_PLAIN', 'LABELS_NEW', 'LABELS_NEW_ONE']) {
    if (random.chance(0.3)) draft.env[`${upper(name)}_${variable}`] = `${variable.toLowerCase()}`
  }
  draft.ask('get', ...['first_name', 'first-name', 'firstName', 'time-out', 'timeout', 'time.out', 'time_out', 'labels.p.q', 'labels[p.q]', 'labels.plain'].map(key => `${name}.${key}`))
  draft.ask('get', `${upper(name)}_FIRST_NAME`, `${upper(name)}_TIME_OUT`, `${name}_time_out`)
  draft.ask('map', name, `${name}.labels`)
}

export const names: readonly Ingredient[] = [
  spellings, spellings, mapNames, mapNames, lists, lists, scalarOverTree, underscores
]
