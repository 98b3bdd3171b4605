import { closeSync, existsSync, ftruncateSync, openSync, readFileSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { t, type Test } from 'tap'
import { BusProcess } from './bus-process.ts'
import { BookRig } from './book-rig.ts'
import { message } from './bus-rig.ts'

/** Copies what a kill leaves, which closing the database would tidy up, and opens the copy. */
async function killed (rig: BookRig, harm: (files: { db: string, wal: string }) => void): Promise<void> {
  const files = { db: readFileSync(rig.file), wal: readFileSync(`${rig.file}-wal`), mark: readFileSync(`${rig.file}-mark`) }
  await rig.end('kill')
  rmSync(`${rig.file}-shm`, { force: true })
  writeFileSync(rig.file, files.db)
  writeFileSync(`${rig.file}-wal`, files.wal)
  writeFileSync(`${rig.file}-mark`, files.mark)
  harm({ db: rig.file, wal: `${rig.file}-wal` })
  rig.open()
}

function change (file: string, at: number, bytes: Uint8Array): void {
  const fd = openSync(file, 'r+')
  writeSync(fd, bytes, 0, bytes.length, at)
  closeSync(fd)
}

/** Turns one bit of what a text stands for in a file. */
function flipIn (file: string, text: string): void {
  const at = readFileSync(file).lastIndexOf(text)
  if (at < 0) throw new Error(`${text} is not in ${file}`)
  const [byte = 0] = readFileSync(file).subarray(at)
  change(file, at, Uint8Array.of(byte ^ 1))
}

async function hundred (t: Test): Promise<BookRig> {
  const rig = new BookRig(t)
  for (let n = 1; n <= 100; n++) await rig.book.send('q', [message(`g${n}`, n)])
  return rig
}

/** The numbers of what is handed out. */
async function delivered (rig: BookRig): Promise<number[]> {
  return (await rig.book.receive('q', 1000, 60_000)).map(({ body }) => (JSON.parse(body) as { data: { n: number } }).data.n)
}

t.test('a message whose body, group or type was changed on the disk is set aside and told, and all others are delivered', async t => {
  for (const [what, text] of [['body', '"changed":'], ['group', 'odd-group'], ['type', 'test.Odd.v1']] as const) {
    await t.test(what, async t => {
      const rig = new BookRig(t)
      const odd = message('odd-group', 2, 'test.Odd.v1')
      await rig.book.send('q', [message('a', 1), { ...odd, body: JSON.stringify({ changed: odd.body }) }, message('b', 3)])
      await rig.end()
      flipIn(rig.file, text)
      rig.open()
      t.match(await rig.book.check(), { faults: [], messages: 3, damaged: [2] })
      t.same((await delivered(rig)).sort((a, b) => a - b), [1, 3])
      t.equal(rig.told.length, 1)
      t.match(rig.told, [/damaged/])
      t.match(await rig.book.stats('q'), { damaged: 1, waiting: 0, inFlight: 2 })
      t.equal((await rig.store.read.get<{ seq: number }>('SELECT seq FROM damaged'))?.seq, 2)
      await rig.again()
      t.same((await delivered(rig)).sort((a, b) => a - b), [1, 3], 'never, also behind a restart')
      t.match(await rig.book.check(), { faults: [], messages: 2, damaged: [] })
    })
  }
})

t.test('the group of a damaged message goes on', async t => {
  const rig = new BookRig(t)
  await rig.book.send('q', [{ ...message('a', 1), body: '"to be changed"' }, message('a', 2)])
  await rig.end()
  flipIn(rig.file, 'to be changed')
  rig.open()
  t.same(await delivered(rig), [])
  t.same(await delivered(rig), [2])
})

t.test('a dead letter that was changed on the disk is not sent again, and says so', async t => {
  const rig = new BookRig(t)
  await rig.book.send('q', [{ ...message('a', 1), body: '"to be changed"' }, message('b', 2)])
  for (const { group, receipt } of await rig.book.receive('q', 10, 60_000)) {
    await rig.book.settle('q', [{ group, receipt, verdict: 'dead', error: 'no' }])
  }
  await rig.end()
  flipIn(rig.file, 'to be changed')
  rig.open()
  t.equal(await rig.book.redrive('q', 'all'), 1)
  t.same(await delivered(rig), [2])
  t.match(await rig.book.dead('q', 10), [{ group: 'a', error: /damaged on the disk.* no/ }])
})

t.test('nothing is lost, and nothing told, by a kill', async t => {
  const rig = await hundred(t)
  await killed(rig, () => {})
  t.equal((await delivered(rig)).length, 100)
  t.same(rig.told, [])
})

t.test('acknowledged messages that are gone with the log are counted and told, whatever was done to it', async t => {
  const harms: Readonly<Record<string, (wal: string) => void>> = {
    halved: wal => {
      const fd = openSync(wal, 'r+')
      ftruncateSync(fd, Math.floor(statSync(wal).size / 2))
      closeSync(fd)
    },
    'changed in the middle': wal => { change(wal, Math.floor(statSync(wal).size / 2), Uint8Array.of(1, 2, 3, 4)) },
    removed: wal => { rmSync(wal) }
  }
  for (const [what, harm] of Object.entries(harms)) {
    await t.test(what, async t => {
      const rig = await hundred(t)
      await killed(rig, ({ wal }) => { harm(wal) })
      const left = (await delivered(rig)).length
      t.ok(left < 100, `${left} are left`)
      t.same(rig.told, [`${100 - left} acknowledged messages are gone with the end of the log`])
      await rig.book.send('q', [message('new', 1)])
      rig.told.length = 0
      await rig.again()
      t.equal((await delivered(rig)).length, left + 1)
      t.same(rig.told, [], 'told once')
    })
  }
})

t.test('messages that are missing in the database are counted and told', async t => {
  const rig = await hundred(t)
  const received = await rig.book.receive('q', 10, 60_000)
  await rig.book.settle('q', received.map(({ group, receipt }) => ({ group, receipt, verdict: 'done' })))
  await rig.end()
  const database = new DatabaseSync(rig.file)
  database.exec('DELETE FROM msg WHERE seq IN (50, 60, 70)')
  database.close()
  rig.open()
  t.equal((await delivered(rig)).length, 87)
  t.same(rig.told, ['3 messages are gone that nobody has handled'])
  rig.told.length = 0
  await rig.again()
  await rig.book.ready()
  t.same(rig.told, [])
})

t.test('a database that is damaged is refused at the start by name, with the next step', async t => {
  const rig = await hundred(t)
  await rig.end()
  const size = statSync(rig.file).size
  for (let at = 4096; at < size; at += 4096) change(rig.file, at + 100, new Uint8Array(500).fill(0xff))
  t.throws(() => { rig.open() }, { code: 'E_STORE_CORRUPT', message: /bus\.db.*move the file aside/s })
})

t.test('the process of the bus does not start on a damaged database, and says why', async t => {
  const dir = t.testdir()
  const bus = new BusProcess(dir)
  await bus.start(0)
  await bus.stop()
  const file = join(dir, 'bus', 'bus.db')
  t.ok(existsSync(`${file}-mark`))
  for (let at = 4096; at < statSync(file).size; at += 4096) change(file, at, new Uint8Array(600).fill(0xff))
  const said = await bus.failToStart()
  t.match(said, /E_STORE_CORRUPT/)
  t.match(said, /bus\.db/)
  t.match(said, /move the file aside/)
})

t.test('a database of an older version is taken over with what is in it', async t => {
  const rig = new BookRig(t)
  await rig.book.ready()
  await rig.end()
  rmSync(`${rig.file}-mark`)
  const old = new DatabaseSync(rig.file)
  old.exec(`
    DROP TABLE msg; DROP TABLE seen; DROP TABLE dead; DROP TABLE total; DROP TABLE damaged; DROP TABLE queue;
    CREATE TABLE msg (seq INTEGER PRIMARY KEY AUTOINCREMENT, queue TEXT NOT NULL, grp TEXT NOT NULL, id TEXT NOT NULL,
      type TEXT NOT NULL, body TEXT NOT NULL, sent_at INTEGER NOT NULL, receives INTEGER NOT NULL) STRICT;
    CREATE TABLE seen (queue TEXT NOT NULL, id TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (queue, id)) STRICT;
    CREATE TABLE dead (id TEXT PRIMARY KEY, queue TEXT NOT NULL, grp TEXT NOT NULL, msg_id TEXT NOT NULL, type TEXT NOT NULL,
      body TEXT NOT NULL, error TEXT NOT NULL, at INTEGER NOT NULL) STRICT;
    INSERT INTO msg VALUES (7, 'q', 'a', 'i1', 'test.Thing.v1', '${message('a', 1).body}', 1, 3);
    INSERT INTO dead VALUES ('d1', 'q', 'b', 'i2', 'test.Thing.v1', '${message('b', 2).body}', 'no', 1)`)
  old.close()
  rig.open()
  t.same(await delivered(rig), [1])
  t.equal(await rig.book.redrive('q', 'all'), 1)
  await rig.book.send('q', [message('c', 3)])
  t.same((await delivered(rig)).sort((a, b) => a - b), [2, 3])
  t.same(rig.told, [])
  await rig.again()
  t.equal((await delivered(rig)).length, 3)
  t.same(rig.told, [])
})
