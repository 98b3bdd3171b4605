/**
 * Names with an underscore that a CGI, WSGI or PHP program behind cannot tell from a field of ours: it reads both as
 * `HTTP_X_FORWARDED_FOR`, and believes what the client wrote.
 */
import { PRIVATE, type HeaderLines } from './header-lines.ts'

/** What is written, or taken away, by every gateway; lower case, and by their beginnings. */
const OWNED = [
  'content-length', 'transfer-encoding', 'keep-alive', 'http2-settings', 'x-forwarded-', 'x-real-ip', 'x-request-id',
  'x-request-deadline-ms', 'proxy-'
]

/** Takes out lines whose name is one of ours but for underscores. What begins at `start` of the text are the lines. */
export function dropLookalikes (lines: HeaderLines, start: number): void {
  const { text, end } = lines
  let line = 0
  // Values have underscores too: from one found there the next line is gone on with.
  for (let at = text.indexOf('_', start); at >= 0 && at < end; at = text.indexOf('_', at)) {
    while (at > lines.valueEnd[line]! && line + 1 < lines.count) line++
    const nameEnd = lines.nameEnd[line]!
    if (at < nameEnd && isOwned(text.slice(lines.lineStart[line], nameEnd))) lines.fate[line] = PRIVATE
    at = lines.valueEnd[line]! + 1
  }
}

function isOwned (name: string): boolean {
  const plain = name.toLowerCase().replaceAll('_', '-')
  return OWNED.some(owned => owned.endsWith('-') ? plain.startsWith(owned) : plain === owned)
}
