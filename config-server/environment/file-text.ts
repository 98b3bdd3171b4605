/** How the bytes of an XML file become text: what cannot be decoded rightly is refused, never served with marks. */
import { error } from '../errors.ts'

/** XML says what it is by a byte order mark, else in its first line (XML 1.0, 4.3.3), else it is UTF-8. */
export function xmlText (content: Buffer, file: string): string {
  const [, declared = 'utf-8'] = /^<\?xml[^>]*\sencoding\s*=\s*["']([^"']+)/.exec(content.toString('latin1', 0, 200)) ?? []
  return decode(content, markOf(content) ?? declared, file)
}

function markOf (content: Buffer): string | undefined {
  if (content[0] === 0xff && content[1] === 0xfe) return 'utf-16le'
  return content[0] === 0xfe && content[1] === 0xff ? 'utf-16be' : undefined
}

function decode (content: Buffer, encoding: string, file: string): string {
  // To the decoder this name means windows-1252, which has other characters from 0x80 to 0x9f.
  if (/^(?:iso-8859-1|latin1)$/i.test(encoding)) return content.toString('latin1')
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(content)
  } catch (cause) {
    throw error('E_CONFIG_FILE', [`it is no text in ${encoding.slice(0, 40)}.`], { where: file, cause })
  }
}
