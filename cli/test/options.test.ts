import t from 'tap'
import { readUpOptions } from '../options.ts'
import { planStack } from '../supervisor/plan.ts'
import { createJsonView } from '../view/json-view.ts'
import { createPlainView } from '../view/plain-view.ts'
import { createTableView } from '../view/table-view.ts'

const status = {
  name: 'users-1', state: 'UP', url: 'http://127.0.0.1:4001', management: undefined, pid: undefined, sinceMs: 0, restarts: 2, note: ''
} as const

t.test('options have documented defaults and take pairs', async t => {
  t.match(readUpOptions([], {}), { profile: 'local', dataFolder: 'data', json: false, restart: true, startTimeoutMs: 30_000 })
  t.match(readUpOptions(['--scale', 'users=4', '--port=gateway=0', '--json', '--no-restart'], { PROFILE: 'k8s' }),
    { profile: 'k8s', scale: { users: 4 }, ports: { gateway: 0 }, json: true, restart: false })
})

t.test('what is not understood is a usage error that names it', async t => {
  t.throws(() => readUpOptions(['--sclae', 'users=4'], {}), { code: 'E_USAGE', message: /sclae/ })
  t.throws(() => readUpOptions(['--scale', 'users'], {}), { code: 'E_USAGE', message: /"users" should be name=number/ })
  t.throws(() => readUpOptions(['--scale', 'users=1000'], {}), { code: 'E_USAGE' })
  t.throws(() => readUpOptions(['--port', 'gateway=70000'], {}), { code: 'E_USAGE' })
  t.throws(() => readUpOptions(['--start-timeout', 'soon'], {}), { code: 'E_USAGE' })
})

t.test('the local profile has registry and config server, the others bring none', async t => {
  const names = (profile: string) => planStack(readUpOptions(['--profile', profile], {}), '/x').map(spec => spec.name)
  t.match(names('local'), ['discovery', 'config-server', 'bus', 'gateway'])
  t.notOk(names('k8s').includes('discovery'))
  t.notOk(names('consul').includes('config-server'))
})

t.test('scaling one service changes only its copies', async t => {
  const plan = planStack(readUpOptions(['--scale', 'users=4'], {}), '/x')
  t.equal(plan.filter(spec => spec.name.startsWith('users-')).length, 4)
  t.equal(plan.filter(spec => spec.name.startsWith('orders-')).length, 1)
})

t.test('plain lines are one per event, JSON one object per line', async t => {
  const plain: string[] = []
  const json: string[] = []
  for (const view of [createPlainView(text => plain.push(text)), createJsonView(text => json.push(text))]) {
    view.status(status)
    view.problem('E_X it broke', ['last line'])
    view.ready({ seconds: 1.23, gateway: 'http://g', examples: ['curl http://g/users'] })
    view.close()
  }
  t.match(plain.join(''), /^users-1 +UP +http:\/\/127.0.0.1:4001\n {2}\| last line\nE_X it broke\n\nAll services are ready after 1.2 s/)
  t.strictSame(json.map(line => (JSON.parse(line) as { event: string }).event), ['status', 'problem', 'ready'])
})

t.test('a line that wraps is erased whole at the next redraw', async t => {
  const out: string[] = []
  const view = createTableView({ title: 'x'.repeat(100), columns: () => 40, write: text => out.push(text), now: () => 0 })
  view.problem('E_X', [])
  view.problem('E_Y', [])
  view.close()
  t.ok(out.includes('\u001B[6A\u001B[0J'), 'three rows of title, one of headings, two empty ones')
})

t.test('the table redraws in place and shows what was written above it', async t => {
  const out: string[] = []
  const view = createTableView({ title: 'stack', columns: () => 120, write: text => out.push(text), now: () => 5000 })
  view.status(status)
  view.ready({ seconds: 1, gateway: 'http://g', examples: ['curl http://g/users'] })
  view.lines('users-1', Buffer.from('hidden until asked for\n'))
  view.toggleLogs()
  view.lines('users-1', Buffer.from('a log line\nanother\n'))
  view.problem('E_X it broke', ['last line'])
  view.close()
  const text = out.join('')
  t.match(text, /users-1 {2}.*UP.*http:\/\/127.0.0.1:4001.*5s.*restarted 2x/)
  t.ok(text.includes('\u001B[0J'), 'it erases what it drew before')
  t.match(text, /users-1 +.*a log line\n.*users-1 +.*another\n/)
  t.notMatch(text, 'hidden until asked for')
})
