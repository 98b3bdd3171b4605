import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { readFlags } from '../flags.ts'
import { readUpOptions, UP_FLAGS } from '../options.ts'
import { chooseServices } from '../stack-file/choose.ts'
import { readStackFile } from '../stack-file/read.ts'
import type { StackFile } from '../stack-file/stack-file.ts'
import { planStack } from '../supervisor/plan.ts'

/** The checkout's own: what `npm start` runs. */
const STACK = readStackFile(join(import.meta.dirname, '../..'))

const SHOP = `
services:
  web: { command: node web.js, port: 4000, depends-on: [ stock ] }
  stock: { command: node stock.js, copies: 2, depends-on: bus }
  mail: { command: node mail.js }
platform: { bus: true }
groups: { front: [ web ] }
`

function shop (t: Test): StackFile {
  const folder = t.testdir({ 'breakwater.yml': SHOP })
  return readStackFile(folder)
}

function read (args: readonly string[], env: Readonly<Record<string, string>> = {}, stack = STACK) {
  return readUpOptions(readFlags('up', args, UP_FLAGS), env, stack)
}

const planned = (stack: StackFile, args: readonly string[], env = {}) => {
  const options = read(args, env, stack)
  return planStack(stack, options, chooseServices(stack, options.only))
}

t.test('options have documented defaults and take pairs', async t => {
  t.match(read([]), { profile: 'local', dataFolder: join(process.cwd(), 'data'), json: false, restart: true, startTimeoutMs: 30_000 })
  t.match(read(['--scale', 'users=4', '--port=gateway=0', '--json', '--no-restart'], { PROFILE: 'k8s' }),
    { profile: 'k8s', scale: { users: 4 }, ports: { gateway: 0 }, json: true, restart: false })
})

t.test('what is not understood is a usage error that names it, with the nearest right word', async t => {
  const cases: Array<[string[], RegExp]> = [
    [['--sclae', 'users=4'], /--sclae is no option. Did you mean --scale\?/],
    [['users'], /"users" is not understood/],
    [['--scale', 'users'], /"users" should be name=number/],
    [['--scale', 'users=1000'], /0 to 64/],
    [['--scale', 'userz=2'], /--scale: there is no "userz". Did you mean "users"\?/],
    [['--scale', 'gateway=2'], /--scale: there is no "gateway"/],
    [['--port', 'gatway=9090'], /--port: there is no "gatway". Did you mean "gateway"\?/],
    [['--port', 'users=4001'], /there is no "users".*Did you mean "users-1"\?/],
    [['--port', 'orders-2=4001'], /there is no "orders-2"/],
    [['--port', 'gateway=70000'], /0 to 65535/],
    [['--only', 'userz'], /--only: there is no "userz"/],
    [['--start-timeout', 'soon'], /should be seconds/]
  ]
  for (const [args, message] of cases) t.throws(() => read(args), { code: 'E_USAGE', message }, args.join(' '))
  t.match(read(['--scale', 'orders=2', '--port', 'orders-2=4001']).ports, { 'orders-2': 4001 }, 'processes as they will be')
})

t.test('the profile is one that exists, whoever says it; what is blank says nothing', async t => {
  t.equal(read(['--profile', 'consul'], { PROFILE: 'k8s' }).profile, 'consul')
  t.equal(read([], { PROFILE: ' ', SPRING_PROFILES_ACTIVE: 'k8s' }).profile, 'k8s')
  t.equal(read([], { PROFILE: 'local, dev' }).profile, 'local,dev')
  const refused: Array<[string, RegExp]> = [
    ['prod', /the profile "prod", only local, consul, k8s\. .*local,prod/], ['locl', /Did you mean "local"\?/],
    ['consul,k8s', /consul and k8s exclude each other/]
  ]
  for (const [profile, message] of refused) {
    for (const name of ['PROFILE', 'SPRING_PROFILES_ACTIVE']) t.throws(() => read([], { [name]: profile }), { code: 'E_USAGE', message })
    t.throws(() => read(['--profile', profile]), { code: 'E_USAGE', message })
  }
})

t.test('the local profile has registry and config server, the others bring none', async t => {
  const names = (profile: string) => planned(STACK, ['--profile', profile]).map(spec => spec.name)
  t.match(names('local'), ['discovery', 'bus', 'config-server', 'gateway'])
  for (const profile of ['k8s', 'consul', 'consul,dev']) {
    t.notOk(names(profile).some(name => name === 'discovery' || name === 'config-server'), profile)
  }
})

t.test('scaling one service changes only its copies', async t => {
  const plan = planned(STACK, ['--scale', 'users=4'])
  t.equal(plan.filter(spec => spec.name.startsWith('users-')).length, 4)
  t.equal(plan.filter(spec => spec.service === 'orders').length, 1)
})

t.test('who waits for a service waits for all its copies; what nobody asked for is left out', async t => {
  const stack = shop(t)
  const plan = planned(stack, [])
  t.strictSame(plan.find(({ name }) => name === 'web')?.dependsOn.toSorted(), ['bus', 'discovery', 'stock-1', 'stock-2'])
  const names = plan.map(({ name }) => name)
  t.ok(names.indexOf('web') > names.indexOf('stock-2'))
  t.strictSame(planned(stack, ['--only', 'front']).map(({ service }) => service).filter(name => stack.services.has(name)),
    ['stock', 'stock', 'web'])
})

t.test('a service is told its name, the registry, the bus and its own settings, the last of which win', async t => {
  const folder = t.testdir({ 'a.env': 'A=1\nB="two words"\n', 'b.env': 'A=2\n' })
  writeFileSync(join(folder, 'breakwater.yml'), `
services:
  one: { command: x, env-file: [ a.env, b.env ], env: { C: 3, SPRING_APPLICATION_NAME: other } }
`)
  const [spec] = planned(readStackFile(folder), []).filter(({ name }) => name === 'one')
  t.match(spec?.env(new Map([['discovery', 'http://127.0.0.1:1'], ['bus', 'http://127.0.0.1:2']])), {
    EUREKA_CLIENT_SERVICEURL_DEFAULTZONE: 'http://127.0.0.1:1/eureka/', BREAKWATER_BUS_URL: 'http://127.0.0.1:2',
    A: '2', B: 'two words', C: '3', SPRING_APPLICATION_NAME: 'other'
  })
})
