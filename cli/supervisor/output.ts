/**
 * What a child writes, passed on as whole lines but never line by line, and as bytes: under load that is thousands of
 * lines a second, and the supervisor must not take the processor from those that it watches.
 */
import type { Readable } from 'node:stream'

const KEPT_LINES = 20
const KEPT_BYTES = 16_384
/** A line that does not end is passed on in pieces. */
const MAX_LINE_BYTES = 65_536
const LINE_FEED = 10
const END = Buffer.of(LINE_FEED)

/** Calls with lines that have ended, each with its end; what is left at the end of the stream gets one. */
export function readLines (stream: Readable, use: (lines: Buffer) => void): void {
  let rest = Buffer.alloc(0)
  stream.on('data', (bytes: Buffer) => {
    const end = bytes.lastIndexOf(LINE_FEED) + 1
    if (end > 0) use(joined(rest, bytes.subarray(0, end)))
    rest = joined(end > 0 ? Buffer.alloc(0) : rest, bytes.subarray(end))
    if (rest.length <= MAX_LINE_BYTES) return
    use(joined(rest, END))
    rest = Buffer.alloc(0)
  })
  stream.on('end', () => { if (rest.length > 0) use(joined(rest, END)) })
}

function joined (before: Buffer, bytes: Buffer): Buffer<ArrayBuffer> {
  return before.length === 0 ? bytes as Buffer<ArrayBuffer> : Buffer.concat([before, bytes])
}

/** The last lines, found when somebody asks for them. */
export class LastLines {
  private kept: Buffer[] = []
  private size = 0

  add (lines: Buffer): void {
    this.kept.push(lines)
    this.size += lines.length
    while (this.size - this.kept[0]!.length >= KEPT_BYTES) this.size -= this.kept.shift()!.length
  }

  read (): string[] {
    return Buffer.concat(this.kept).toString().split('\n').slice(0, -1).slice(-KEPT_LINES)
  }
}
