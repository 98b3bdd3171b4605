/**
 * The number of the last message that was acknowledged, in a small file beside the database. sqlite drops a damaged end
 * of its log without a word; by this number the loss is noticed. It is not flushed: a kill keeps it, and a power cut
 * takes no more than the last moments of it, behind which a loss is not noticed.
 */
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs'
import { crc32 } from 'node:zlib'

export interface Mark {
  /** Undefined when there is none, or none that can be read. */
  read (): number | undefined
  write (seq: number): void
  close (): void
}

export function fileMark (file: string): Mark {
  const fd = openSync(file, 'a+', 0o600)
  closeSync(fd)
  const open = openSync(file, 'r+')
  let last = 0
  return {
    read: () => {
      const [seq = '', crc] = readFileSync(file, 'utf8').trim().split(' ')
      return crc === String(crc32(seq)) ? Number(seq) : undefined
    },
    write: seq => {
      // Commits that are under way together may be told in another order.
      if (seq <= last) return
      last = seq
      const text = String(seq)
      writeSync(open, `${text} ${crc32(text)}`.padEnd(32), 0)
    },
    close: () => { closeSync(open) }
  }
}
