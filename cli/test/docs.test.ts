import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { overview } from '../help.ts'
import { readStackFile } from '../stack-file/read.ts'
import { STACK_SCHEMA } from '../stack-file/schema.ts'

const PAGE = readFileSync(join(import.meta.dirname, '../../docs/up.md'), 'utf8')

t.test('the examples of docs/up.md are stacks, and all there is stands in them', async t => {
  const files = { shop: { 'main.ts': '' }, users: { 'main.ts': '' }, config: { 'application.yml': '' }, 'gateway.yml': '', '.env': '' }
  const blocks = [...PAGE.matchAll(/```yaml\n([^`]*)```/g)].map(match => match[1] ?? '')
  t.equal(blocks.length, 2)
  for (const block of blocks) t.doesNotThrow(() => readStackFile(t.testdir({ ...files, 'breakwater.yml': block })))
  const { properties } = STACK_SCHEMA
  for (const key of Object.keys({ ...properties, ...properties.services.additionalProperties.properties })) {
    t.match(blocks[1], new RegExp(`^ *#? ?${key}:|[ {]${key}:|or ${key}:`, 'm'), key)
  }
})

t.test('each command that the page names exists', async t => {
  const commands = [...PAGE.matchAll(/^\| `(.*?)` \|/gm)].flatMap(([line]) => [...line.matchAll(/`([a-z-]+)/g)].map(match => match[1] ?? ''))
  t.ok(commands.length > 10)
  for (const command of commands) t.match(overview(), new RegExp(`^  ${command} `, 'm'), command)
})
