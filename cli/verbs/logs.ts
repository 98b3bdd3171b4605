/** The lines that the processes of a stack have written, and with `-f` those that they write from now on. */
import { closeSync, existsSync, fstatSync, openSync, readdirSync, readSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { error } from '../errors.ts'
import { readWords } from '../flags.ts'
import { dataFolderOf } from '../output.ts'
import { quoted } from '../stack-file/names.ts'
import { DATA_FLAG, JSON_FLAG, OK, type Verb } from '../verb.ts'
import { readableLine } from '../view/log-line.ts'

const FLAGS = {
  follow: { type: 'boolean', short: 'f', help: 'and what comes from now on, until Ctrl-C' },
  lines: { type: 'string', short: 'n', value: 'N', help: 'so many of each at most; default: 20' },
  data: DATA_FLAG, json: { ...JSON_FLAG, help: 'as they stand in the files' }
} as const

const EVERY_MS = 200
const MAX_READ_BYTES = 4 * 1024 * 1024

export const logsVerb: Verb = {
  name: 'logs', words: '[NAME ...]', summary: 'what the processes of the stack have written', flags: FLAGS,
  run: async (process, args) => {
    const { values: { follow = false, lines = '20', data, json = false }, positionals } = readWords('logs', args, FLAGS)
    if (!/^\d{1,6}$/.test(lines)) throw error('E_USAGE', [`--lines "${lines}" should be a number.`], { where: 'breakwater logs' })
    const logs = chosenLogs(join(dataFolderOf(data), 'logs'), positionals)
    const width = Math.max(...logs.map(log => log.name.length))
    const show = (name: string, line: string) => {
      process.stdout.write(json ? `${line}\n` : `${logs.length > 1 ? `${name.padEnd(width)} ` : ''}${readableLine(line)}\n`)
    }
    for (const log of logs) for (const line of log.read().slice(-Number(lines))) show(log.name, line)
    if (follow) await followAll(process, logs, show)
    return OK
  }
}

async function followAll (
  process: NodeJS.Process, logs: readonly Log[], show: (name: string, line: string) => void
): Promise<void> {
  const ended = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => { ended.abort() })
  // A reader that goes away, as `head` does, ends us.
  process.stdout.on('error', () => { ended.abort() })
  while (!ended.signal.aborted) {
    for (const log of logs) for (const line of log.read()) show(log.name, line)
    await sleep(EVERY_MS, undefined, { signal: ended.signal }).catch(() => {})
  }
}

/** Of `users` also `users-1`, `users-2`. */
function chosenLogs (folder: string, names: readonly string[]): Log[] {
  const there = existsSync(folder)
    ? readdirSync(folder).filter(file => file.endsWith('.log')).map(file => file.slice(0, -'.log'.length))
    : []
  if (there.length === 0) throw error('E_NO_LOGS', [folder])
  const chosen = names.length === 0 ? there : names.flatMap(name => {
    const found = there.filter(one => one === name || new RegExp(`^${name.replaceAll(/[^\w-]/g, '')}-\\d+$`).test(one))
    if (found.length === 0) throw error('E_USAGE', [`there is no log of ${quoted(name, there)}`], { where: 'breakwater logs' })
    return found
  })
  return [...new Set(chosen)].map(name => new Log(name, join(folder, `${name}.log`)))
}

/** A log that may be begun anew while it is read. */
class Log {
  readonly name: string
  readonly #file: string
  #read = 0
  #inode = 0
  #rest = ''

  constructor (name: string, file: string) {
    this.name = name
    this.#file = file
  }

  /** Whole lines since the last time. */
  read (): string[] {
    if (!existsSync(this.#file)) return []
    const { ino, size } = statSync(this.#file)
    if (ino !== this.#inode || size < this.#read) [this.#inode, this.#read, this.#rest] = [ino, 0, '']
    const lines = (this.#rest + this.#more()).split('\n')
    this.#rest = lines.pop() ?? ''
    return lines
  }

  #more (): string {
    const file = openSync(this.#file, 'r')
    try {
      const { size } = fstatSync(file)
      const from = Math.max(this.#read, size - MAX_READ_BYTES)
      const bytes = Buffer.alloc(size - from)
      readSync(file, bytes, 0, bytes.length, from)
      this.#read = size
      return bytes.toString()
    } finally {
      closeSync(file)
    }
  }
}
