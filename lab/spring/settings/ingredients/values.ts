/** One value after the other, wherever it may be written, read in every way. */
import type { QuestionKind } from '../case.ts'
import type { Draft } from '../draft.ts'
import type { Ingredient } from '../ingredients.ts'
import { PROPERTY_NAMES, PROPERTY_VALUES, TEXTS, YAML_NODES, YAML_STYLES, YAML_VALUES } from '../values.ts'

const TYPED: readonly QuestionKind[] = ['get', 'integer', 'number', 'boolean', 'duration', 'bytes', 'list']

function askAll (draft: Draft, key: string): void {
  for (const kind of TYPED) draft.ask(kind, key)
}

const yamlScalars: Ingredient = (draft, name) => {
  for (const key of [`${name}.one`, `${name}.two`]) {
    draft.lines('application.yml', [`${key}: ${draft.random.pick(YAML_VALUES)}`])
    askAll(draft, key)
  }
}

const yamlNodes: Ingredient = (draft, name) => {
  draft.lines('application.yml', [`${name}.node: ${draft.random.pick(YAML_NODES)}`])
  draft.ask('get', `${name}.node`, `${name}.node[0]`, `${name}.node.x`)
  draft.ask('list', `${name}.node`)
  draft.ask('tree', name)
  draft.ask('map', `${name}.node`)
}

const yamlStyles: Ingredient = (draft, name) => {
  const [first = '', ...rest] = draft.random.pick(YAML_STYLES)
  draft.lines('application.yml', [`${name}.text: ${first}`, ...rest])
  draft.ask('get', `${name}.text`, `${name}.text.x`, `${name}.text[0]`)
  draft.ask('list', `${name}.text`)
  draft.ask('tree', name)
}

const properties: Ingredient = (draft, name) => {
  const { random } = draft
  for (let count = 1 + random.below(3); count > 0; count--) {
    const own = random.pick(PROPERTY_NAMES)
    const separator = random.pick(['=', '=', ':', ' = ', ' ', '\t=\t'])
    draft.lines('application.properties', [`${random.pick(['', '', '  '])}${name}.${own}${separator}${random.pick(PROPERTY_VALUES)}`])
    if (/^[\w.[\]-]+$/.test(own)) askAll(draft, `${name}.${own}`)
  }
  draft.lines('application.properties', [`${name}.last=end`])
  draft.ask('map', name)
}

const variables: Ingredient = (draft, name) => {
  draft.env[`${name.toUpperCase()}_VALUE`] = draft.random.pick(TEXTS)
  askAll(draft, `${name}.value`)
}

const parameters: Ingredient = (draft, name) => {
  const { random } = draft
  for (let count = 1 + random.below(3); count > 0; count--) draft.args.push(`--${name}.value=${random.pick(TEXTS)}`)
  if (random.chance(0.3)) draft.args.push(`--${name}.other=${random.pick(TEXTS)}`)
  askAll(draft, `${name}.value`)
  draft.ask('map', name)
}

const JSON_VALUES = ['1', '2.50', '1e2', '1E-3', '-0', '12345678901234567890', '1.0', 'true', 'null', '""', '" "', '"a,b"', '[]', '{}', '[1, 2.50]', '["a"]', '{"x": 1, "y": [true]}', '[{"x": 1}]',
  '{"[a.b]": 1}', '{"a.b": 1}', '"\\u00e4\\n"', '{"": 1}', '1e400', '"${shop.none:dflt}"', '{"Up": 1, "up": 2}', '0.1e1', '123456789.5', '100000000.0', '0.0001']

const json: Ingredient = (draft, name) => {
  const { random } = draft
  const value = random.pick(JSON_VALUES)
  const text = random.chance(0.5) ? `{"${name}":{"value":${value}}}` : `{"${name}.value":${value}}`
  if (random.chance(0.7)) draft.env['SPRING_APPLICATION_JSON'] ??= text
  else draft.args.push(`--spring.application.json=${text}`)
  askAll(draft, `${name}.value`)
  draft.ask('tree', name)
}

export const values: readonly Ingredient[] = [
  yamlScalars, yamlScalars, yamlNodes, yamlStyles, properties, variables, parameters, json
]
