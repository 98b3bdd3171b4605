import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import type { Test } from 'tap'
import { loadSettings } from '../settings/index.ts'
import { until } from './support.ts'

// The client against the config server of this platform, each in its own process.

const MAIN = fileURLToPath(new URL('../../config-server/main.ts', import.meta.url))

async function startServer (t: Test, file: string, port = 0): Promise<{ child: ChildProcess, url: string }> {
  const child = fork(MAIN, ['--config', file, '--port', String(port)], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
  let errors = ''
  child.stderr?.on('data', chunk => { errors += String(chunk) })
  t.teardown(async () => await kill(child))
  const ready = new Promise<string>((resolve, reject) => {
    child.on('message', (message: { type?: string, url?: string }) => {
      if (message.type === 'ready' && message.url !== undefined) resolve(message.url)
    })
    child.once('exit', code => reject(new Error(`the server ended with ${code}: ${errors}`)))
  })
  return { child, url: await ready }
}

async function kill (child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = once(child, 'exit')
  child.kill('SIGKILL')
  await exit
}

/** At once, as editors and `git` do: a file that is written in place is empty for a moment, and read as such. */
async function replace (file: string, text: string): Promise<void> {
  await writeFile(`${file}.new`, text)
  await rename(`${file}.new`, file)
}

t.test('settings come exactly, follow every change, and outlive the server', async t => {
  const folder = t.testdir({
    'application.yml': 'logging.level.root: error',
    repo: {
      'application.yml': 'shared: all\nbig: 12345678901234567890\nratio: 2.0',
      'users-dev.yml': 'greeting: hello\nlist: [a, b]\nsecret: "{cipher}bf29452295df354e6153c5b31b03ef23c70e55fba24299aa85c63438f1c43c95"'
    },
    service: { 'application.yml': 'shared: mine\nown: local' }
  })
  const repo = join(folder, 'repo')
  const config = join(folder, 'application.yml')
  await writeFile(config, `spring:\n  profiles.active: native\n  cloud.config.server.native.search-locations: "file:${repo}/"\nlogging.level.root: error\n` +
    'encrypt.key: pie\nbreakwater.security.mode: none\n')
  const first = await startServer(t, config)
  const settings = await loadSettings({
    name: 'users', folder: join(folder, 'service'), profiles: ['dev'], args: { 'spring.config.import': `configserver:${first.url}` }
  })
  t.teardown(() => settings.close())
  const changes: string[][] = []
  const warnings: string[] = []
  settings.on('change', keys => changes.push(keys)).on('warning', text => warnings.push(text))

  t.same(['shared', 'own', 'big', 'ratio', 'greeting', 'secret'].map(key => settings.get(key)),
    ['all', 'local', '12345678901234567890', '2.0', 'hello', 'test'])
  t.same(settings.list('list'), ['a', 'b'])
  t.match(settings.origin('greeting'), /^configserver:file:.*users-dev\.yml:1$/)

  await replace(join(repo, 'users-dev.yml'), 'greeting: servus\nlist: [a]\nsecret: plain')
  await until('the change', () => settings.get('greeting') === 'servus')
  t.same(changes[0]?.toSorted(), ['greeting', 'list[1]', 'secret'])

  await kill(first.child)
  await until('the warning', () => warnings.length > 0)
  t.equal(settings.get('greeting'), 'servus')
  await replace(join(repo, 'users-dev.yml'), 'greeting: salut\nlist: [a]\nsecret: plain')
  await startServer(t, config, Number(new URL(first.url).port))
  await until('what was missed', () => settings.get('greeting') === 'salut')
  t.same(changes[1], ['greeting'])
  settings.close()
})
