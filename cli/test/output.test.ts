/** A child's output: whole lines however they arrive, the last ones kept, the file bounded. */
import { existsSync, readFileSync, rmSync, statSync } from 'node:fs'
import path from 'node:path'
import { PassThrough } from 'node:stream'
import t from 'tap'
import { openLogFile } from '../supervisor/log-file.ts'
import { LastLines, readLines } from '../supervisor/output.ts'
import { until } from './until.ts'

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
  await until('nearly all of a million is passed on before the end', () => got > 900_000)
  t.pass()
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
  const file = path.join(folder, 'users.log')
  const log = openLogFile(folder, 'users')
  const lines = Array.from({ length: 11 }, (_, at) => Buffer.from(`${'abcdefghijk'[at]} ${'x'.repeat(1_000_000)}\n`))
  for (const [at, line] of lines.entries()) {
    log.write(line)
    // A slow disk would leave lines out, which is not what is looked at here.
    await until('the disk', () => sizeOf(file) + sizeOf(`${file}.1`) === (at + 1) * line.length)
  }
  log.close()
  t.equal(sizeOf(`${file}.1`), 10 * lines[0]!.length)
  t.match(readFileSync(file, 'utf8').slice(0, 2), 'k ')
})

t.test('what a disk does not take is left out, and said', async t => {
  const folder = t.testdir()
  const log = openLogFile(folder, 'users')
  const line = Buffer.from(`${'x'.repeat(1_000_000)}\n`)
  for (let at = 0; at < 8; at++) log.write(line)
  const file = path.join(folder, 'users.log')
  await until('it takes lines again', () => {
    log.write(Buffer.from('again\n'))
    return sizeOf(file) > 0 && readFileSync(file, 'utf8').endsWith('again\n')
  })
  log.write(Buffer.from('and more\n'))
  log.close()
  await until('the rest', () => readFileSync(file, 'utf8').endsWith('\nand more\n'))
  const text = readFileSync(file, 'utf8')
  const said = text.match(/^\.\.\. \d+ bytes left out: the disk did not keep up$/gm) ?? []
  t.equal(said.length, 1, 'once')
  const written = text.split('\n').filter(one => one.startsWith('x')).length
  t.ok(written < 8 && Number(said[0]?.split(' ')[1]) >= (8 - written) * line.length, `${written} of 8 lines, and ${said[0]}`)
})

t.test('a log that somebody removes does not end the supervisor, and begins anew when it would have turned over', async t => {
  const folder = path.join(t.testdir({}), 'logs')
  const log = openLogFile(folder, 'users')
  const file = path.join(folder, 'users.log')
  const mebibyte = Buffer.alloc(1024 * 1024, 'x')
  log.write(mebibyte)
  await until('the first of it', () => sizeOf(file) === mebibyte.length)
  rmSync(folder, { recursive: true })
  let written = 1
  await until('it turns over', () => {
    log.write(mebibyte)
    written++
    return existsSync(file)
  })
  t.ok(written >= 11, `${written} MiB`)
  await until('it takes lines again', () => {
    log.write(Buffer.from('again\n'))
    return readFileSync(file, 'utf8').endsWith('again\n')
  })
  log.close()
})

function sizeOf (file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0
}
