import { writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import t, { type Test } from 'tap'
import { readStackFile } from '../stack-file/read.ts'

function read (t: Test, text: string, files: Record<string, string> = {}) {
  return readStackFile(t.testdir({ ...files, 'breakwater.yml': text }))
}

t.test('one line makes a stack: registry, gateway, and a service with a route by its name', async t => {
  const stack = read(t, 'services: { people: { command: python app.py } }')
  t.equal(stack.name, basename(t.testdirName))
  t.match(stack.platform, { discovery: { port: 8761 }, gateway: { port: 8080, managementPort: 8081 }, bus: undefined, 'config-server': undefined })
  t.match(stack.services.get('people'), {
    program: { command: 'python app.py' }, folder: t.testdirName, port: 0, copies: 1, register: undefined,
    route: { paths: ['/people', '/people/**'], strip: 0 }, check: '/people'
  })
})

t.test('routes may be written in several ways', async t => {
  const routes: Array<[string, object | undefined, string | undefined]> = [
    ['false', undefined, undefined],
    ['/api/**', { paths: ['/api/**'] }, '/api'],
    ['[ "/a/{id}", /b ]', { paths: ['/a/{id}', '/b'] }, '/a'],
    ['{ strip: 1, filters: [ Retry=2 ] }', { paths: ['/one', '/one/**'], strip: 1, filters: ['Retry=2'] }, '/one'],
    ['"/**"', { paths: ['/**'] }, '/']
  ]
  for (const [route, expected, check] of routes) {
    const one = read(t, `services: { one: { command: x, route: ${route} } }`).services.get('one')
    if (expected === undefined) t.equal(one?.route, undefined)
    else t.match(one?.route, expected, route)
    t.equal(one?.check, check, route)
  }
})

t.test('a package.json may hold it', async t => {
  const folder = t.testdir({ 'package.json': JSON.stringify({ name: 'x', breakwater: { services: { a: { command: 'x' } } } }) })
  t.ok(readStackFile(folder).services.has('a'))
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'x', breakwater: { servces: {} } }, null, 2))
  t.throws(() => readStackFile(folder), { code: 'E_STACK_FILE', message: /package.json:4: servces is not known. Did you mean "services"\?/ })
  writeFileSync(join(folder, 'package.json'), '{}')
  t.throws(() => readStackFile(folder), { code: 'E_NO_STACK', message: /no breakwater.yml here.*breakwater schema/ })
})

t.test('each mistake is told with its place and the nearest right word', async t => {
  const cases: Array<[string, RegExp]> = [
    ['services:\n  a: { comand: x }', /breakwater.yml:2: services.a.comand is not known. Did you mean "command"\?/],
    ['services:\n  a: {}', /services.a needs either script or command, and not both/],
    ['services:\n  a: { script: x.js, command: y }', /needs either script or command, and not both/],
    ['services:\n  a: { command: x, port: 70000 }', /breakwater.yml:2: services.a.port must be <= 65535/],
    ['services:\n  a: { command: x, port: "80" }', /services.a.port must be integer/],
    ['services:\n  A b: { command: x }', /services.A b is no name: small letters, digits and "-"/],
    ['services:\n  a: { command: x, health: up }', /services.a.health must begin with "\/"/],
    ['services:\n  a: { command: x, depends-on: bb }\n  bbb: { command: y }', /breakwater.yml:2: there is no "bb". Did you mean "bbb"\?/],
    ['services:\n  a: { command: x, depends-on: bus }', /there is no "bus"/],
    ['services:\n  a: { command: x, depends-on: b }\n  b: { command: x, depends-on: a }', /waits for itself: a -> b -> a/],
    ['services:\n  a: { script: gone.ts }', /there is no file .*gone.ts/],
    ['services:\n  a: { command: x, folder: gone }', /there is no folder .*gone/],
    ['services:\n  a: { command: x, env-file: gone }', /there is no file .*gone/],
    ['services:\n  a: { command: x, copies: 2, port: 80 }', /copies of a service need ports of their own/],
    ['services:\n  gateway: { command: x }', /gateway is a part of the platform/],
    ['profile: prod', /profile must be one of local, consul, k8s/],
    ['platform: { gatway: true }', /platform.gatway is not known. Did you mean "gateway"\?/],
    ['platform: { config-server: true }', /there is no folder .*config/],
    ['platform: { gateway: { config: gone.yml } }', /there is no file .*gone.yml/],
    ['groups: { g: [ a ] }', /there is no service "a"/],
    ['services: [\n', /breakwater.yml:2: .+/],
    ['a: b: c', /breakwater.yml:1: .+/]
  ]
  for (const [text, message] of cases) t.throws(() => read(t, text), { code: 'E_STACK_FILE', message }, text)
})
