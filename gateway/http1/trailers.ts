/** Trailer fields: which may travel behind a chunked body (RFC 9110, 6.5.1). */
import { HeaderLines, PRIVATE, SCAN_OK } from './header-lines.ts'

/** Fields that would change framing, routing, authentication or caching after the fact. */
export const FORBIDDEN = /^(?:transfer-encoding|content-length|host|content-encoding|content-type|content-range|trailer|te|connection|keep-alive|upgrade|http2-settings|proxy-.*|authorization|set-cookie|cookie|cache-control|expect|max-forwards|pragma|range|if-.*|www-authenticate|age|expires|date|location|retry-after|vary|warning|x-forwarded-.*|forwarded|x-request-id|traceparent)$/
/**
 * Those with which a sender tries to move the end of the body, or that of the connection (Node's parser obeys them
 * here, too, and would not read the next message): a framing error.
 */
const FRAMING = /^(?:transfer-encoding|content-length|connection|proxy-connection)$/

const MAX_TRAILERS = 32

/** The lines that may go on, or undefined when the section is malformed or plays with the framing. */
export function forwardableTrailers (text: string): string | undefined {
  if (text === '') return ''
  const lines = new HeaderLines()
  if (lines.scan(text, Buffer.from(text, 'latin1'), 0, 0, text.length, MAX_TRAILERS) !== SCAN_OK) return undefined
  for (let line = 0; line < lines.count; line++) {
    const name = text.slice(lines.lineStart[line], lines.nameEnd[line]).toLowerCase()
    if (FRAMING.test(name)) return undefined
    if (FORBIDDEN.test(name)) lines.fate[line] = PRIVATE
  }
  return lines.write()
}
