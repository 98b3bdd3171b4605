import { spawn, type ChildProcess } from 'node:child_process'
import { chmodSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { helpOf, overview } from '../help.ts'
import { VERBS } from '../verbs/all.ts'
import { until } from './until.ts'

const COMMAND = path.join(import.meta.dirname, '../breakwater.cjs')

interface Run {
  readonly child: ChildProcess
  readonly output: () => string
  readonly exited: Promise<number | null>
}

function run (t: Test, args: readonly string[], options: { shell?: boolean, env?: NodeJS.ProcessEnv } = {}): Run {
  const child = options.shell === true
    ? spawn('sh', ['-c', `'${process.execPath}' '${COMMAND}' ${args.join(' ')}; true`], { env: { ...process.env, ...options.env } })
    : spawn(process.execPath, [COMMAND, ...args])
  t.teardown(() => { child.kill('SIGKILL') })
  let text = ''
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => { text += chunk.toString() })
  return { child, output: () => text, exited: new Promise(resolve => { child.once('close', resolve) }) }
}

t.test('help names every command, an unknown one is a usage error', async t => {
  const help = run(t, ['help'])
  t.equal(await help.exited, 0)
  for (const command of ['up', 'discovery', 'config-server', 'gateway']) t.match(help.output(), command)
  const unknown = run(t, ['nonsense'])
  t.equal(await unknown.exited, 2)
  t.match(unknown.output(), /^E_USAGE breakwater: there is no command "nonsense"/)
})

t.test('each command explains itself, and starts nothing for it; the nearest word is proposed', async t => {
  const cases: Array<[string[], number, RegExp]> = [
    [['--version'], 0, /^\d+\.\d+\.\d+\n$/], [['version'], 0, /^\d+\.\d+\.\d+\n$/], [['-v'], 0, /^\d/],
    [['upp'], 2, /no command "upp". Did you mean "up"\?/], [['help', 'upp'], 2, /Did you mean "up"/],
    [['affected', '--bogus'], 2, /^E_USAGE breakwater affected: --bogus is no option/],
    [['ps', '--jsno'], 2, /Did you mean --json\?/], [['call', 'users'], 2, /SERVICE METHOD \/PATH are needed/],
    [['schema'], 0, /"title": "breakwater.yml"/], [['kill'], 2, /one name is needed/],
    [['ps', '--data', '/etc/hostname'], 1, /^E_NO_RUNNING_STACK/]
  ]
  for (const [args, code, output] of cases) {
    const asked = run(t, args)
    t.equal(await asked.exited, code, args.join(' '))
    t.match(asked.output(), output)
    t.notMatch(asked.output(), /\n {4}at /, 'no stack of Node')
  }
})

t.test('every command has a help of its own, with each of its flags', async t => {
  const help = run(t, ['up', '--help'])
  t.equal(await help.exited, 0)
  t.match(help.output(), /^breakwater up \[options\]\n\n.*npm start.*\n\n.*--scale NAME=N /s)
  for (const verb of VERBS) {
    for (const [flag, { negative }] of Object.entries(verb.flags)) {
      t.match(helpOf(verb), `${negative === true ? '--no-' : '--'}${flag} `, verb.name)
    }
    t.match(overview(), `\n  ${verb.name} `)
  }
})

t.test('the token of this machine is printed, the same each time, and refused when others could read it', async t => {
  const file = path.join(t.testdir(), 'token')
  const env = { BREAKWATER_SECURITY_ADMINTOKENFILE: file }
  const first = run(t, ['token'], { shell: true, env })
  t.equal(await first.exited, 0)
  t.match(first.output(), /^[\w-]{43}\n$/)
  const second = run(t, ['token'], { shell: true, env })
  await second.exited
  t.equal(second.output(), first.output())
  chmodSync(file, 0o644)
  const third = run(t, ['token'], { shell: true, env })
  await third.exited
  t.match(third.output(), /^E_ADMIN_TOKEN breakwater\.security\.admin-token-file: /)
})

t.test('a mistake in the file is told with file and line, and nothing else', async t => {
  const file = path.join(t.testdir(), 'application.yml')
  const cases: [string, string, RegExp][] = [
    ['gateway', 'server:\n  port: 1\n bad: [\n', /^E_CONFIG_YAML \S+application\.yml:3:1: .+\n$/],
    ['gateway', 'spring.cloud.gateway.routes:\n  - id: a\n    uri: http://localhost:1\n    predicates:\n      - Pth=/x\n',
      /^E_ROUTE_PREDICATE \S+application\.yml:5: .+Did you mean "Path"\?.+\n$/],
    ['discovery', 'breakwater.discovery.snapshot-fil: x\n', /^E_CONFIG_KEY \S+application\.yml:1: .+snapshot-file"\?\n$/]
  ]
  for (const [server, text, expected] of cases) {
    writeFileSync(file, text)
    const started = run(t, [server, '--config', file])
    t.equal(await started.exited, 1)
    t.match(started.output(), expected)
  }
})

t.test('SIGTERM stops a server that was started alone', async t => {
  const server = run(t, ['discovery', '--port', '0'])
  await until('it has started', () => server.output().includes('"started"'))
  server.child.kill('SIGTERM')
  t.equal(await server.exited, 0)
  t.match(server.output(), '"stopped"')
})

t.test('under npm, whose shell does not pass signals on, the end of that shell stops the server', async t => {
  const server = run(t, ['discovery', '--port', '0'], { shell: true, env: { npm_command: 'exec' } })
  await until('it has started', () => server.output().includes('"started"'))
  server.child.kill('SIGTERM')
  await until('it has stopped', () => server.output().includes('"stopped"'))
  t.pass()
})
