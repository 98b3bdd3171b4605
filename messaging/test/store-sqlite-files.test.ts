import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { randomBytes } from 'node:crypto'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { t, type Test } from 'tap'
import { openSqlite, type SqlStore } from '../index.ts'
import { TABLES } from './store-beds.ts'

const root = process.getuid?.() === 0

async function filled (file: string): Promise<void> {
  const store = openSqlite({ file, tables: TABLES })
  await Promise.all(Array.from({ length: 1000 }, (_, n) => put(store, `k-${n}`)))
  await store.close()
}

function put (store: SqlStore, key: string): Promise<number> {
  return store.tx(tx => tx.run('INSERT INTO things (key, value) VALUES (?, 1)', key))
}

function foreign (file: string, sql: string): void {
  const database = new DatabaseSync(file)
  database.exec(sql)
  database.close()
}

/** A file system of its own that is gone with the test; only root may mount one. */
function disk (t: Test, size: string): string {
  const dir = mkdtempSync(join(tmpdir(), 'breakwater-disk-'))
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', dir])
  t.teardown(() => {
    execFileSync('umount', ['-l', dir])
    rmSync(dir, { recursive: true })
  })
  return dir
}

t.test('a file of somebody else is refused, and not changed in a byte', async t => {
  const cases: Array<[sql: string, message: RegExp]> = [
    ['PRAGMA application_id = 252006674; CREATE TABLE outbox (seq INTEGER)', /another application \(application_id 252006674\)/],
    ['CREATE TABLE bookmarks (url TEXT)', /another application \(application_id 0\).*PRAGMA application_id = 1112689495/],
    ['CREATE TABLE outbox (id TEXT, payload TEXT)', /outbox is another table than ours \(no such column: seq\)/],
    ['PRAGMA application_id = 1112689495; PRAGMA user_version = 2', /a newer version wrote it \(2, this one knows 1\)/]
  ]
  for (const [n, [sql, message]] of cases.entries()) {
    const file = join(t.testdir(), `${n}.db`)
    foreign(file, sql)
    const before = readFileSync(file)
    t.throws(() => openSqlite({ file, tables: TABLES }), { code: 'E_STORE_UNFIT', message })
    t.ok(readFileSync(file).equals(before), sql)
  }
})

t.test('the tables of an older version get what came later, and keep their rows', async t => {
  const file = join(t.testdir(), 'store.db')
  await filled(file)
  foreign(file, "ALTER TABLE inbox DROP COLUMN content; INSERT INTO inbox (consumer, id, at) VALUES ('c', 'old', 1)")
  for (const start of [1, 2]) {
    const store = openSqlite({ file, tables: TABLES })
    t.same(await store.tx(tx => tx.inbox.claim('c', 'old', { content: 1 })), { fresh: false, replies: [] })
    t.match(await store.tx(tx => tx.inbox.claim('c', 'new', { content: 1 })), { fresh: start === 1 })
    await store.close()
  }
})

t.test('a file that was marked on purpose is taken, and one of our own from before there was a mark', async t => {
  for (const sql of ['CREATE TABLE mine (a TEXT); PRAGMA application_id = 1112689495', 'PRAGMA application_id = 0']) {
    const file = join(t.testdir(), 'store.db')
    if (!sql.startsWith('CREATE')) await filled(file)
    foreign(file, sql)
    await openSqlite({ file, tables: TABLES }).close()
    const database = new DatabaseSync(file)
    t.match(database.prepare('PRAGMA application_id').get(), { application_id: 1112689495 })
    database.close()
  }
})

t.test('a damaged file is refused by name', async t => {
  const damages: Array<(file: string, size: number) => void> = [
    (file, size) => { truncateSync(file, size - 4096) },
    file => { writeFileSync(file, randomBytes(8192)) },
    (file, size) => {
      const bytes = readFileSync(file)
      for (let at = 4096; at < size; at += 4096) bytes.fill(0xff, at, at + 64)
      writeFileSync(file, bytes)
    },
    // A single page, which nothing needs at the start.
    (file, size) => {
      const bytes = readFileSync(file)
      const leaf = Array.from({ length: size / 4096 }, (_, n) => n * 4096).findLast(at => bytes[at] === 0x0d)!
      bytes.fill(0xff, leaf, leaf + 64)
      writeFileSync(file, bytes)
    }
  ]
  for (const [n, damage] of damages.entries()) {
    const file = join(t.testdir(), `${n}.db`)
    await filled(file)
    damage(file, readFileSync(file).length)
    t.throws(() => openSqlite({ file, tables: TABLES }),
      { code: 'E_STORE_CORRUPT', message: new RegExp(`${n}.db is damaged`), statusCode: 503 })
  }
})

t.test('a file system without a write-ahead log is refused, in which a commit would not be what it is', async t => {
  // Without shared memory, as over a network.
  const connect = (path: string) => new DatabaseSync(`file:${path}?vfs=unix-dotfile`)
  t.throws(() => openSqlite({ file: join(t.testdir(), 'store.db'), tables: TABLES, files: { connect } }),
    { code: 'E_STORE_UNFIT', message: /journal_mode is delete, not wal/ })
})

t.test('a disk that takes no writes is refused as such, and not as somebody else\'s', async t => {
  const dir = root ? disk(t, '16m') : t.testdir()
  const file = join(dir, 'store.db')
  await filled(file)
  if (root) execFileSync('mount', ['-o', 'remount,ro', dir])
  else for (const name of ['', '-owner']) chmodSync(file + name, 0o444)
  if (!root) chmodSync(dir, 0o555)
  // One that is there, and one that would have to be made.
  for (const path of [file, join(dir, 'other.db')]) {
    t.throws(() => openSqlite({ file: path, tables: TABLES }), { code: 'E_STORE_READ_ONLY', statusCode: 503 })
  }
  if (!root) chmodSync(dir, 0o755)
})

t.test('a start waits for a lock that a stranger holds for a while', async t => {
  const file = join(t.testdir(), 'store.db')
  await filled(file)
  const stranger = spawn(process.execPath, ['-e', `
    const db = new (require('node:sqlite').DatabaseSync)(${JSON.stringify(file)})
    db.exec('BEGIN IMMEDIATE')
    console.log('held')
    setTimeout(() => {}, 700)`], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(stranger.stdout, 'data')
  const store = openSqlite({ file, tables: TABLES })
  await put(store, 'behind it')
  await store.close()
})

t.test('a refused file is given back', async t => {
  const file = join(t.testdir(), 'store.db')
  foreign(file, 'CREATE TABLE bookmarks (url TEXT)')
  for (let n = 0; n < 3; n++) t.throws(() => openSqlite({ file, tables: TABLES }), { code: 'E_STORE_UNFIT' })
  rmSync(file)
  await openSqlite({ file, tables: TABLES }).close()
})

t.test('a disk without room fails commands, loses nothing, and takes them again when there is room',
  { skip: root ? false : 'only root mounts a small file system' }, async t => {
    const dir = disk(t, '4m')
    const store = openSqlite({ file: join(dir, 'data', 'store.db'), tables: TABLES })
    t.teardown(() => store.close())
    mkdirSync(join(dir, 'filler'))
    writeFileSync(join(dir, 'filler', 'file'), Buffer.alloc(2_000_000))
    let kept = 0
    const write = () => store.tx(tx =>
      tx.run('INSERT INTO rules (id, amount, note) VALUES (?, 1, ?)', `r-${kept}`, randomBytes(20_000).toString('base64')))
    await t.rejects((async () => { for (;;) kept += await write() })(), { code: 'E_STORE_FULL', canRetry: true, statusCode: 503 })
    await t.rejects(Promise.all([write(), write()]), { code: 'E_STORE_FULL' })
    t.match(await store.read.get('SELECT count(*) AS n FROM rules'), { n: kept })
    rmSync(join(dir, 'filler', 'file'))
    await t.resolves(write())
    t.match(await store.read.get('SELECT count(*) AS n FROM rules'), { n: kept + 1 })
  })
