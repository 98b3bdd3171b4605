import { execFileSync } from 'node:child_process'
import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { t } from 'tap'
import { affectedBy as affectedOf, changedFiles, type Workspace } from '../../cli/affected.ts'

const WORKSPACES: Workspace[] = [
  { name: 'starter', folder: 'starter', dependencies: ['pino'] },
  { name: 'messaging', folder: 'messaging', dependencies: ['starter'] },
  { name: 'users', folder: 'sample-services/users', dependencies: ['messaging', 'starter'] },
  { name: 'orders', folder: 'sample-services/orders', dependencies: ['messaging', 'starter'] },
  { name: '@breakwater/gateway', folder: 'gateway', dependencies: ['starter'] }
]
const DEPLOYABLES = [
  { name: 'bus', workspace: 'messaging' }, { name: 'gateway', workspace: 'gateway' },
  ...['users', 'orders'].map(name => ({ name, workspace: `sample-services/${name}` }))
]
const ALL = ['bus', 'gateway', 'orders', 'users']
const affectedBy = (...files: string[]) => affectedOf(files, WORKSPACES, DEPLOYABLES)

t.test('a service alone, a library with all that use it, the root for all', async t => {
  t.same(affectedBy('sample-services/users/http/routes.ts'), ['users'])
  t.same(affectedBy('messaging/relay.ts'), ['bus', 'orders', 'users'])
  t.same(affectedBy('starter/errors.ts'), ALL)
  for (const file of ['package-lock.json', '.dockerignore']) t.same(affectedBy(file), ALL, file)
})

t.test('manifests, settings and Dockerfile of one are its own, what is nobody\'s own is of all', async t => {
  t.same(affectedBy('deploy/kubernetes/base/users/application.yml'), ['users'])
  t.same(affectedBy('deploy/kubernetes/components/bus/app/bus.yaml', 'deploy/docker/orders.Dockerfile'), ['bus', 'orders'])
  for (const folder of ['components/pod', 'components/bus', 'base/platform', 'overlays/eks']) {
    t.same(affectedBy(`deploy/kubernetes/${folder}/x.yaml`), ALL, folder)
  }
})

t.test('tests, prose and what belongs to nobody deploy nothing', async t => {
  t.same(affectedBy('messaging/test/relay.test.ts', 'docs/messaging.md', 'starter/README.md'), [])
  t.same(affectedBy('gateway-old/index.ts', 'deploy/compose.yaml', 'deploy/test-cluster/up.sh', 'deploy/docker/pattern.ts'), [])
})

t.test('a file that moved or went has changed where it was', async t => {
  const root = t.testdir({})
  const git = (...args: string[]) => execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@t', ...args], { cwd: root })
  const [from, to] = ['a', 'b'].map(name => join(root, name))
  for (const folder of [from!, to!]) mkdirSync(folder)
  for (const name of ['moved', 'deleted']) writeFileSync(join(from!, name), `${name}\n`.repeat(20))
  git('init', '-q')
  git('add', '.')
  git('commit', '-qm', 'first')
  renameSync(join(from!, 'moved'), join(to!, 'moved'))
  git('rm', '-q', 'a/deleted')
  git('add', '-A')
  t.same((await changedFiles(root, 'HEAD')).toSorted(), ['a/deleted', 'a/moved', 'b/moved'])
})

t.test('the command reads the checkout', async t => {
  const run = (...args: string[]) => execFileSync(process.execPath, [join(import.meta.dirname, '../../cli/main.ts'),
    'affected', ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  t.ok(Array.isArray(JSON.parse(run('--since', 'HEAD', '--json'))))
  t.throws(() => run('--since', 'no-such-ref'))
  t.throws(() => run('--since', '--output=/tmp/x'))
})
