/**
 * What a child writes, passed on as whole lines but never line by line: under load that is thousands of lines a second,
 * and the supervisor must not take the processor from those that it watches.
 */
import type { Readable } from 'node:stream'

const KEPT_LINES = 20
const KEPT_CHARACTERS = 16_384
/** A line that does not end is passed on in pieces. */
const MAX_LINE = 65_536

/** Calls with lines that have ended, each with its end; what is left at the end of the stream gets one. */
export function readLines (stream: Readable, use: (lines: string) => void): void {
  let rest = ''
  stream.setEncoding('utf8')
  stream.on('data', (text: string) => {
    const end = text.lastIndexOf('\n') + 1
    if (end > 0) {
      use(rest + text.slice(0, end))
      rest = text.slice(end)
    } else rest += text
    if (rest.length <= MAX_LINE) return
    use(`${rest}\n`)
    rest = ''
  })
  stream.on('end', () => { if (rest !== '') use(`${rest}\n`) })
}

/** The last lines, found when somebody asks for them. */
export class LastLines {
  private text = ''

  add (lines: string): void {
    this.text = (this.text + lines).slice(-KEPT_CHARACTERS)
  }

  read (): string[] {
    return this.text.split('\n').slice(0, -1).slice(-KEPT_LINES)
  }
}
