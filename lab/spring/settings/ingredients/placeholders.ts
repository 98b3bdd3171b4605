/** Texts that refer to other settings and to variables. */
import type { Draft } from '../draft.ts'
import type { Ingredient } from '../ingredients.ts'

const REFERENCES = ['GREETING_TEXT', 'smtp_host', 'SMTP_PORT', 'SMTP_Port', 'smtp.port', 'smtp-port', 'smtpPort', 'Mail_User', 'mail.user', 'HOSTS_0', 'hosts[0]', 'EMPTY_ONE', 'INNER_REF', 'nope', 'NO_PE',
  'base.host', 'base.max-size', 'base.maxSize', 'base.maxsize', 'base.list', 'base.list[1]', 'base.map', 'base.empty', 'base.nothing', 'base.which', 'base.refer', 'base.loop', 'base.number', 'base.flag',
  ' base.host', 'base.host ', 'base.host.', 'BASE_HOST', 'base_host', 'base.[odd]', 'base[odd]', '', 'spring.application.name', 'spring.profiles.active']

const FORMS: readonly ((a: string, b: string) => string)[] = [
  a => `\${${a}}`, a => `\${${a}}`, a => `\${${a}:dflt}`, a => `\${${a}:dflt}`, a => `x\${${a}:}y`, (a, b) => `\${${a}:\${${b}:z}}`, (a, b) => `x\${${a}:1}-\${${b}:2}y`, a => `\\\${${a}}`, (a, b) => `\\\${${a}:\${${b}}}`,
  a => `\${${a}:a:b}`, a => `\${${a}: 80}`, a => `\${${a} :1}`, a => `\${${a}`, a => `$${a}`, a => `\${base.\${${a}:which}}`, (a, b) => `\${\${${a}}:\${${b}:e}}`, a => `#{${a}}`, a => `\${${a}:{x}}`, a => `\${${a}:}}`,
  a => `$\${${a}:1}`, (a, b) => `\${${a}\${${b}:}:q}`, a => `\${${a}\\:x}`, a => `\${${a}\\:x:y}`, a => `\\\\\${${a}:1}`, (a, b) => `\${${a}:\\\${${b}}}`, a => `\${${a}:'q'}`, (a, b) => `\${${a}:1,\${${b}:2}}`, a => `\${\${${a}}`, a => `}\${${a}:1}{`
]

const ENV = { GREETING_TEXT: 'hello', smtp_host: 'mx', SMTP_PORT: '25', Mail_User: 'ann', EMPTY_ONE: '', HOSTS_0: 'h0', INNER_REF: '${SMTP_PORT}' }
const BASE = ['base.host: pier', 'base.max-size: 7', 'base.list: [l0, l1]', 'base.map: {x: 1}', 'base.empty: ""', 'base.nothing:', 'base.which: host', 'base.refer: "${base.host}"', 'base.loop: "${base.loop}"',
  'base.number: 2.50', 'base.flag: yes', 'base."[odd]": odd']

function text (draft: Draft): string {
  const { random } = draft
  return random.pick(FORMS)(random.pick(REFERENCES), random.pick(REFERENCES))
}

function place (draft: Draft, key: string, value: string): void {
  const { random } = draft
  random.pick([
    () => { draft.lines('application.yml', [`${key}: '${value.replaceAll("'", "''")}'`]) },
    () => { draft.lines('application.yml', [`${key}: '${value.replaceAll("'", "''")}'`]) },
    () => { draft.lines('application.properties', [`${key}=${value.replaceAll('\\', '\\\\')}`]) },
    () => { draft.args.push(`--${key}=${value}`) },
    () => { draft.env[key.toUpperCase().replaceAll(/\W/g, '_')] = value },
    () => { draft.env['SPRING_APPLICATION_JSON'] ??= JSON.stringify({ [key]: value }) }
  ])()
}

function world (draft: Draft): void {
  Object.assign(draft.env, ENV)
  if (!draft.documents('base.yml')) draft.lines('base.yml', BASE.map(line => line.replace('base."[odd]"', '"base[odd]"')))
  draft.args.unshift(...draft.args.includes('--spring.config.import=file:@FOLDER@/base.yml') ? [] : ['--spring.config.import=file:@FOLDER@/base.yml'])
}

const single: Ingredient = (draft, name) => {
  world(draft)
  for (const key of [`${name}.one`, `${name}.two`]) {
    place(draft, key, text(draft))
    draft.ask('get', key)
    draft.ask('integer', key)
  }
  draft.ask('map', name)
  draft.ask('list', `${name}.one`)
}

const inList: Ingredient = (draft, name) => {
  world(draft)
  const quoted = () => `'${text(draft).replaceAll("'", "''")}'`
  draft.lines('application.yml', [`${name}.list: [${quoted()}, b]`, `${name}.map: {x: ${quoted()}}`])
  draft.ask('list', `${name}.list`)
  draft.ask('get', `${name}.list[0]`, `${name}.map.x`)
  draft.ask('map', `${name}.map`)
  draft.ask('tree', name)
}

const variableNames: Ingredient = (draft, name) => {
  Object.assign(draft.env, ENV)
  draft.ask('get', ...REFERENCES.filter(reference => !reference.startsWith('base')))
  draft.ask('get', name, 'greeting.text', 'greeting-text', 'GREETING.TEXT', 'greeting_text', 'empty.one', 'hosts')
  draft.ask('list', 'hosts')
  draft.ask('integer', 'smtp.port')
}

export const placeholders: readonly Ingredient[] = [single, single, single, inList, variableNames]
