import { stripVTControlCharacters } from 'node:util'
import t from 'tap'
import type { ProcessStatus } from '../supervisor/slot.ts'
import { createJsonView } from '../view/json-view.ts'
import { readableLine } from '../view/log-line.ts'
import { createPlainView } from '../view/plain-view.ts'
import { createTableView } from '../view/table-view.ts'

const status: ProcessStatus = {
  name: 'users-1', service: 'users', state: 'UP', url: 'http://127.0.0.1:4001', management: undefined, health: undefined, pid: undefined,
  sinceMs: 0, restarts: 2, note: ''
}

function table (size = { columns: 120, rows: 40 }) {
  const out: string[] = []
  const view = createTableView({ title: 'stack', size: () => size, write: text => out.push(text), now: () => 5000 })
  return { view, size, out, text: () => stripVTControlCharacters(out.join('')) }
}

t.test('plain lines are one per event, JSON one object per line', async t => {
  const plain: string[] = []
  const json: string[] = []
  for (const view of [createPlainView(text => plain.push(text)), createJsonView(text => json.push(text))]) {
    view.status(status)
    view.problem('E_X it broke', ['last line'])
    view.note('by the way')
    view.ready({ seconds: 1.23, gateway: 'http://g', examples: ['curl http://g/users'] })
    view.close()
  }
  t.match(plain.join(''), /^users-1 +UP +http:\/\/127.0.0.1:4001\n {2}\| last line\nE_X it broke\nby the way\n\nAll services are ready after 1.2 s/)
  t.strictSame(json.map(line => (JSON.parse(line) as { event: string }).event), ['status', 'problem', 'note', 'ready', 'stopped'])
})

t.test('the table is redrawn in place, and what is written above it stays', async t => {
  const { view, out, text } = table()
  view.status(status)
  view.ready({ seconds: 1, gateway: 'http://g', examples: ['curl http://g/users'] })
  view.lines('users-1', Buffer.from('hidden until asked for\n'))
  view.onKey?.('l')
  view.lines('users-1', Buffer.from('a log line\nanother\n'))
  view.problem('E_X it broke', ['last line'])
  view.close()
  t.match(text(), /users-1 {2}.*UP.*http:\/\/127.0.0.1:4001.*5s.*restarted 2x/)
  t.ok(out.join('').includes('\u001B[0J'), 'it erases what it drew before')
  t.match(text(), /users-1 +a log line\nusers-1 +another\n/)
  t.notMatch(text(), 'hidden until asked for')
  t.equal(text().split('curl http://g/users').length, 2, 'the commands are written once, so that they can be marked')
})

t.test('it never has more rows than the terminal, and shows first who is not up', async t => {
  const { view, out } = table({ columns: 60, rows: 10 })
  for (let n = 1; n <= 12; n++) view.status({ ...status, name: `s-${n}`, state: n === 12 ? 'FAILED' : 'UP' })
  out.length = 0
  view.close()
  const drawn = out.at(-1)!
  t.ok(drawn.split('\n').length <= 10)
  t.match(drawn, 's-12')
  t.match(drawn, 'and 8 more')
})

t.test('a terminal made narrower wraps what was drawn: so many rows are erased', async t => {
  const { view, size, out } = table({ columns: 80, rows: 40 })
  view.status({ ...status, note: 'n'.repeat(80) })
  view.note('first')
  size.columns = 40
  out.length = 0
  view.note('second')
  view.close()
  t.equal(out[0], '\u001B[8A\u001B[0J', 'headings, row and footer take two of its rows each')
})

t.test('the footer says what is, not what was', async t => {
  const { view, text, out } = table()
  view.status(status)
  view.ready({ seconds: 1, gateway: 'http://g', examples: [] })
  t.match(text(), 'All services are ready   l:')
  view.status({ ...status, state: 'FAILED' })
  out.length = 0
  view.note('')
  t.match(text(), '1 of 1 are not up')
  view.status({ ...status, state: 'STOPPING' })
  view.note('')
  t.match(text(), 'Stopping, waits for users-1')
  view.status({ ...status, state: 'STOPPED' })
  out.length = 0
  view.close()
  t.match(text(), 'Stopped')
  t.notMatch(text(), 'ready')
})

t.test('a line of a log is time, level and text for a person, and cannot move the cursor', async t => {
  const line = JSON.stringify({ level: 40, time: 1_700_000_000_000, pid: 1, service: 'users', msg: 'slow \u001B[2J', ms: 12, err: { message: 'gone' } })
  t.equal(stripVTControlCharacters(readableLine(line)), '22:13:20.000 WARN  slow [2J gone ms=12')
  t.equal(readableLine('plain \u001B[31mtext'), 'plain [31mtext')
  t.equal(readableLine('{no json'), '{no json')
})
