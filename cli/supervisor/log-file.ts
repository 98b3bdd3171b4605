/** A process's log on disk, bounded: over the limit it starts again, keeping one older file beside it. */
import { createWriteStream, mkdirSync, renameSync, type WriteStream } from 'node:fs'
import path from 'node:path'

const MAX_BYTES = 10 * 1024 * 1024
/** What a slow disk may hold up in memory; what comes then is left out, and the file says how much. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024

export interface LogFile {
  /** Whole lines, each with its end. */
  write (lines: Buffer): void
  close (): void
}

/** Opens `<folder>/<name>.log`, truncated: a run's log begins with the run. */
export function openLogFile (folder: string, name: string): LogFile {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const file = path.join(folder, `${name}.log`)
  let stream = open(file)
  let bytes = 0
  let leftOut = 0

  function turnOver (): void {
    stream.end()
    try {
      mkdirSync(folder, { recursive: true, mode: 0o700 })
      renameSync(file, `${file}.1`)
    } catch {
      // Somebody has removed it: the log begins anew, and the supervisor goes on.
    }
    stream = open(file)
    bytes = 0
  }

  return {
    write (lines) {
      if (stream.writableLength > MAX_WAITING_BYTES) {
        leftOut += lines.length
        return
      }
      if (leftOut > 0) stream.write(`... ${leftOut} bytes left out: the disk did not keep up\n`)
      leftOut = 0
      bytes += lines.length
      if (bytes > MAX_BYTES) turnOver()
      stream.write(lines)
    },
    close () { stream.end() }
  }
}

function open (file: string): WriteStream {
  // A full disk must not end the supervisor: the lines in memory are still there to be shown.
  return createWriteStream(file, { mode: 0o600 }).on('error', () => {})
}
