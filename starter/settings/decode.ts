import { settingsError } from './errors.ts'

/** The marks that may begin a YAML file, with how what follows them is encoded. */
const MARKS: readonly (readonly [mark: readonly number[], encoding: string])[] = [
  [[0xef, 0xbb, 0xbf], 'utf-8'], [[0xfe, 0xff], 'utf-16be'], [[0xff, 0xfe], 'utf-16le']
]

/**
 * The text of a YAML file: UTF-8, or UTF-16 where it begins with a mark for the byte order, as YAML 1.1 has it. Bytes
 * that are no text fail with `E_CONFIG_YAML`: replaced by something else they would be another value.
 */
export function decodeYaml (bytes: Uint8Array, source: string): string {
  const [, encoding = 'utf-8'] = MARKS.find(([mark]) => mark.every((byte, at) => bytes[at] === byte)) ?? []
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes)
  } catch (cause) {
    const where = encoding === 'utf-8' ? `${source}:${lineOfFault(bytes)}` : source
    throw settingsError('E_CONFIG_YAML', [`the file is no ${encoding.toUpperCase()}`], { where, cause })
  }
}

function lineOfFault (bytes: Uint8Array): number {
  let line = 1
  for (let begin = 0; begin < bytes.length; line++) {
    const end = bytes.indexOf(0x0a, begin)
    const part = bytes.subarray(begin, end === -1 ? bytes.length : end)
    if (Buffer.from(part).toString().includes('\ufffd')) return line
    begin = end === -1 ? bytes.length : end + 1
  }
  return line
}
