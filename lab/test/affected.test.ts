import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { t } from 'tap'
import { affectedBy, type Workspace } from '../../cli/affected.ts'

const WORKSPACES: Workspace[] = [
  { name: 'starter', folder: 'starter', dependencies: ['pino'] },
  { name: 'messaging', folder: 'messaging', dependencies: ['starter'] },
  { name: 'users', folder: 'sample-services/users', dependencies: ['messaging', 'starter'] },
  { name: 'orders', folder: 'sample-services/orders', dependencies: ['messaging', 'starter'] },
  { name: 'gateway', folder: 'gateway', dependencies: ['starter'] }
]

t.test('a service alone, a library with all that use it, the root for all', async t => {
  t.same(affectedBy(['sample-services/users/http/routes.ts'], WORKSPACES), ['users'])
  t.same(affectedBy(['messaging/relay.ts'], WORKSPACES), ['messaging', 'orders', 'users'])
  t.same(affectedBy(['starter/errors.ts'], WORKSPACES), ['gateway', 'messaging', 'orders', 'starter', 'users'])
  t.same(affectedBy(['package-lock.json'], WORKSPACES), ['gateway', 'messaging', 'orders', 'starter', 'users'])
})

t.test('tests, prose and what belongs to nobody deploy nothing', async t => {
  t.same(affectedBy(['messaging/test/relay.test.ts', 'docs/messaging.md', 'starter/README.md', 'deploy/x.yaml'], WORKSPACES), [])
  t.same(affectedBy(['gateway-old/index.ts'], WORKSPACES), [])
})

t.test('the command reads the checkout', async t => {
  const run = (...args: string[]) => execFileSync(process.execPath, [join(import.meta.dirname, '../../cli/main.ts'),
    'affected', ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  t.ok(Array.isArray(JSON.parse(run('--since', 'HEAD', '--json'))))
  t.throws(() => run('--since', 'no-such-ref'))
  t.throws(() => run('--since', '--output=/tmp/x'))
})
