/** A process's log on disk, bounded: over the limit it starts again, keeping one older file beside it. */
import { createWriteStream, mkdirSync, renameSync, type WriteStream } from 'node:fs'
import path from 'node:path'

const MAX_BYTES = 10 * 1024 * 1024

export interface LogFile {
  write (line: string): void
  close (): void
}

/** Opens `<folder>/<name>.log`, truncated: a run's log begins with the run. */
export function openLogFile (folder: string, name: string): LogFile {
  mkdirSync(folder, { recursive: true })
  const file = path.join(folder, `${name}.log`)
  let stream = open(file)
  let bytes = 0
  return {
    write (line) {
      bytes += line.length + 1
      if (bytes > MAX_BYTES) {
        stream.end()
        renameSync(file, `${file}.1`)
        stream = open(file)
        bytes = 0
      }
      stream.write(`${line}\n`)
    },
    close () { stream.end() }
  }
}

function open (file: string): WriteStream {
  // A full disk must not end the supervisor: the lines in memory are still there to be shown.
  return createWriteStream(file).on('error', () => {})
}
