import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { addPlugin, addRoute, addSaga, addService, createProject, KINDS, type Kind } from '../index.ts'

function project (t: Test, kind: Kind, more = {}): string {
  const folder = join(t.testdir(), 'my-app')
  createProject({ folder, kind, ...more })
  return folder
}

const read = (folder: string, file: string) => readFileSync(join(folder, file), 'utf8')

t.test('each kind has what a project needs, and no word of a template is left', async t => {
  for (const kind of Object.keys(KINDS) as Kind[]) {
    const folder = join(t.testdir(), `a-${kind}`)
    const files = createProject({ folder, kind })
    for (const file of ['package.json', 'README.md', 'breakwater.yml', '.gitignore']) t.ok(files.includes(file), `${kind} ${file}`)
    t.ok(files.some(file => file.includes('.test.')), `${kind} has a test`)
    t.equal(files.includes('Dockerfile'), kind !== 'gateway')
    for (const file of files) {
      t.notMatch(file, /__|\.tpl$/)
      t.notMatch(read(folder, file), /\{\{(?!int|strict|seq|line)/, file)
    }
    t.match(JSON.parse(read(folder, 'package.json')), { name: `a-${kind}`, private: true, scripts: { start: 'breakwater up', test: 'node --test' } })
  }
})

t.test('a service may be in JavaScript, and has the name that was asked for', async t => {
  const folder = project(t, 'service', { javascript: true, service: 'people' })
  t.match(read(folder, 'people/people.js'), "name: 'people'")
  t.match(read(folder, 'breakwater.yml'), 'people: { script: people/main.js')
  t.notMatch(read(folder, 'package.json'), 'typescript')
})

t.test('nothing is written where something is, or by a name that cannot be one', async t => {
  const folder = project(t, 'service')
  t.throws(() => createProject({ folder, kind: 'shop' }), { code: 'E_SCAFFOLD', message: /is not empty/ })
  t.throws(() => createProject({ folder: join(folder, 'A B'), kind: 'shop' }), { code: 'E_SCAFFOLD', message: /"A B" cannot be the name/ })
  for (const name of ['', 'A', '../x', 'a b', '1a', 'a/b']) {
    t.throws(() => addService(folder, name), { code: 'E_SCAFFOLD' }, name)
    t.throws(() => addSaga(folder, 'hello', name), { code: 'E_SCAFFOLD' }, name)
    t.throws(() => addPlugin(folder, name), { code: 'E_SCAFFOLD' }, name)
  }
  t.throws(() => addService(folder, 'hello'), { code: 'E_SCAFFOLD', message: /has a service hello already/ })
  t.throws(() => addService(join(folder, 'hello'), 'x'), { code: 'E_SCAFFOLD', message: /no breakwater.yml/ })
  t.throws(() => addSaga(folder, 'gone', 'x'), { code: 'E_SCAFFOLD', message: /no folder gone/ })
})

t.test('what is added stands in the files, beside what was there', async t => {
  const folder = project(t, 'service')
  writeFileSync(join(folder, 'breakwater.yml'), `${read(folder, 'breakwater.yml')}# mine\n`)
  t.same(addService(folder, 'stock').toSorted(), ['breakwater.yml', 'deploy/stock.yaml', 'stock/main.ts', 'stock/stock.test.ts', 'stock/stock.ts'])
  addRoute(folder, 'stock', '/shelves/**')
  const stack = read(folder, 'breakwater.yml')
  t.match(stack, '# mine')
  t.match(stack, /stock: \{.*script: stock\/main.ts.*route: \[ \/stock, \/stock\/\*\*, \/shelves\/\*\* \]/s)
  t.throws(() => addRoute(folder, 'stock', '/shelves/**'), { code: 'E_SCAFFOLD', message: /already/ })
  t.same(addSaga(folder, 'stock', 'fill-up').toSorted(), ['stock/fill-up.test.ts', 'stock/fill-up.ts'])
  t.match(read(folder, 'stock/fill-up.ts'), 'export const fillUp = new Sagas')
  t.match(read(folder, 'stock/fill-up.test.ts'), "from './fill-up.ts'")
  t.same(addPlugin(folder, 'stamp').toSorted(), ['breakwater.yml', 'gateway.yml', 'plugins/stamp.ts'])
  t.match(read(folder, 'breakwater.yml'), 'config: gateway.yml')
  addPlugin(folder, 'other-stamp')
  t.match(read(folder, 'gateway.yml'), /\.\/plugins\/stamp.ts, \.\/plugins\/other-stamp.ts/)
  t.match(read(folder, 'plugins/other-stamp.ts'), "name: 'OtherStamp'")
})
