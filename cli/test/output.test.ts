/** A child's output: whole lines however they arrive, the last ones kept, the file bounded. */
import { existsSync, readFileSync, rmSync, statSync } from 'node:fs'
import path from 'node:path'
import { PassThrough } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { openLogFile } from '../supervisor/log-file.ts'
import { LastLines, readLines } from '../supervisor/output.ts'

t.test('lines stay whole, whatever the pieces they arrive in', async t => {
  const stream = new PassThrough()
  const got: string[] = []
  readLines(stream, lines => got.push(lines.toString()))
  const bytes = Buffer.from('one\ntwö\n\nthree')
  for (const byte of bytes) stream.write(Buffer.of(byte))
  stream.end()
  await new Promise(resolve => stream.once('close', resolve))
  t.strictSame(got, ['one\n', 'twö\n', '\n', 'three\n'])
})

t.test('a line without end does not fill the memory', async t => {
  const stream = new PassThrough()
  let got = 0
  readLines(stream, lines => { got += lines.length })
  for (let at = 0; at < 100; at++) stream.write('x'.repeat(10_000))
  await sleep(10)
  t.ok(got > 900_000, `${got} of a million passed on before the end`)
})

t.test('the last lines are the last twenty', async t => {
  const last = new LastLines()
  for (let at = 0; at < 5_000; at++) last.add(Buffer.from(`line ${at}\nand its second\n`))
  t.equal(last.read().length, 20)
  t.equal(last.read().at(-1), 'and its second')
  t.equal(last.read()[0], 'line 4990')
})

t.test('the file turns over at its limit and keeps one older', async t => {
  const folder = t.testdir()
  const log = openLogFile(folder, 'users')
  for (let at = 0; at < 11; at++) {
    log.write(Buffer.from(`${at} ${'x'.repeat(1_000_000)}\n`))
    // A slow disk would leave lines out, which is not what is looked at here.
    await sleep(20)
  }
  log.close()
  const file = path.join(folder, 'users.log')
  while (!existsSync(`${file}.1`) || statSync(file).size < 1_000_000) await sleep(5)
  t.ok(statSync(`${file}.1`).size > 9_000_000)
  t.match(readFileSync(file, 'utf8').slice(0, 3), '10 ')
})

t.test('what a disk does not take is left out, and said', async t => {
  const folder = t.testdir()
  const log = openLogFile(folder, 'users')
  for (let at = 0; at < 8; at++) log.write(Buffer.from(`${'x'.repeat(1_000_000)}\n`))
  const file = path.join(folder, 'users.log')
  while (!existsSync(file) || statSync(file).size < 4_000_000) await sleep(5)
  await sleep(50)
  log.write(Buffer.from('again\n'))
  log.close()
  while (!readFileSync(file, 'utf8').endsWith('again\n')) await sleep(5)
  t.match(readFileSync(file, 'utf8').slice(-100), /\n\.\.\. \d+ bytes left out: the disk did not keep up\nagain\n$/)
})

t.test('a log that somebody removes does not end the supervisor, and begins anew when it would have turned over', async t => {
  const folder = path.join(t.testdir({}), 'logs')
  const log = openLogFile(folder, 'users')
  const file = path.join(folder, 'users.log')
  const mebibyte = Buffer.alloc(1024 * 1024, 'x')
  log.write(mebibyte)
  await waitFor(() => existsSync(file) && statSync(file).size === mebibyte.length)
  rmSync(folder, { recursive: true })
  for (let written = 1; written < 11; written++) {
    log.write(mebibyte)
    // What the disk has not taken is bounded: each has its time.
    await sleep(20)
  }
  log.write(Buffer.from('again\n'))
  log.close()
  await waitFor(() => existsSync(file) && readFileSync(file, 'utf8').endsWith('again\n'))
  t.pass('it is there')
})

async function waitFor (check: () => boolean): Promise<void> {
  while (!check()) await sleep(5)
}
