/** Schemas that cannot be checked in time hold up nobody: they are broken schemas. */
import { parseYaml } from '@breakwater/starter/settings'
import t from 'tap'
import { Schemas } from '../safety/schema.ts'
import { startGit, workTree } from './git-support.ts'
import { ask, startNative } from './support.ts'

const HANGS: Record<string, [object, string]> = {
  'a pattern that backtracks': [{ properties: { a: { pattern: '^(a+)+$' } } }, `a: ${'a'.repeat(40)}!`],
  'such a name of a property': [{ patternProperties: { '^(a+)+$': {} } }, `${'a'.repeat(40)}b: 1`],
  'such a name behind a reference': [{ $defs: { n: { pattern: '^(a|a)*$' } }, propertyNames: { $ref: '#/$defs/n' } }, `${'a'.repeat(40)}b: 1`],
  'all items with all others': [{ properties: { a: { uniqueItems: true } } }, `a:\n${Array.from({ length: 9_000 }, (_, i) => `- {k: ${i}}\n`).join('')}`],
  'a schema that goes through itself': [{ $ref: '#' }, 'a: 1']
}

t.test('whatever it is in a schema that takes for ever, it is ended', async t => {
  const schemas = new Schemas({ deadlineMs: 2_000, idleMs: 50, maxWaiting: 9 })
  t.teardown(() => schemas.stop())
  for (const [what, [schema, text]] of Object.entries(HANGS)) {
    const [first] = await schemas.check(parseYaml(text, 'svc.yml'), 'svc.schema.json', Buffer.from(JSON.stringify(schema)))
    t.match(first?.text, /the schema cannot be used: (?:the check takes more than 2000 ms|Maximum call stack)/, what)
  }
})

t.test('others are answered while a schema hangs, in the files that are served and in those that are tried out', async t => {
  const [schema, text] = HANGS['a pattern that backtracks']!
  const files = { 'svc.yml': text, 'svc.schema.json': JSON.stringify(schema) }
  const { url } = await startNative(t, { ...files, 'other.yml': 'a: 1' })
  const trial = ask(url, '/_config/validate/svc/dev', {
    method: 'POST', body: JSON.stringify({ files }), headers: { 'content-type': 'application/json' }
  })
  const both = Promise.all([ask(url, '/svc/dev'), trial])
  let answered = 0
  for (let done = false; !done; done = await Promise.race([both.then(() => true), pause(50)])) {
    t.equal((await ask(url, '/other/dev')).status, 200)
    t.equal((await ask(url, '/actuator/health')).status, 200)
    answered++
  }
  t.ok(answered > 10, 'many times')
  const [served, tried] = await both
  t.match([served.status, served.json.message], [500, /svc\.schema\.json: the schema cannot be used: the check takes more than 5000 ms/])
  t.match(tried.json, { valid: false, problems: [{ where: 'svc.schema.json', rule: 'schema' }] })
  const startedMs = performance.now()
  t.equal((await ask(url, '/svc/qa')).status, 500)
  t.ok(performance.now() - startedMs < 4_000, 'it is not tried again for the next question')
})

async function pause (ms: number): Promise<false> {
  return new Promise(resolve => setTimeout(() => resolve(false), ms))
}

t.test('a commit with such a schema is held back', async t => {
  const tree = await workTree(t, { 'svc.yml': 'a: good' })
  await tree.commit({ 'svc.yml': `a: ${'a'.repeat(40)}!`, 'svc.schema.json': JSON.stringify({ properties: { a: { pattern: '^(a+)+$' } } }) })
  const { url } = await startGit(t, { uri: tree.root })
  t.equal((await ask(url, '/svc-x.json')).json.a, 'good')
})

t.test('checks wait in a bounded line, and a thread that has nothing to do ends', async t => {
  const schemas = new Schemas({ deadlineMs: 2_500, idleMs: 50, maxWaiting: 2 })
  const slow = Buffer.from(JSON.stringify({ patternProperties: { '^(a+)+$': {} } }))
  const sources = [{ name: 's', properties: new Map([[`${'a'.repeat(40)}b`, { value: { kind: 'string', text: '1' } as const, origin: { source: 's' } }]]) }]
  const checks = Array.from({ length: 5 }, async (_, i) => schemas.check(sources, 's', i === 0 ? slow : Buffer.from(`{"title":"${i}"}`)))
  const results = (await Promise.all(checks)).map(([first]) => first?.text ?? 'good')
  t.match(results[0], /takes more than 2500 ms/)
  t.strictSame(results.slice(1).map(text => text.replace(/.*: /, '')), ['good', 'good', 'too many checks are waiting', 'too many checks are waiting'])
  t.strictSame(await schemas.check(sources, 's', Buffer.from('{}')), [], 'the next thread works')
  await new Promise(resolve => setTimeout(resolve, 200))
  t.strictSame(await schemas.check(sources, 's', Buffer.from('{}')), [], 'also after a pause')
  schemas.stop()
  t.match((await schemas.check(sources, 's', Buffer.from('{}')))[0]?.text, /the server ends/)
})
