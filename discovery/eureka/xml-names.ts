/**
 * Names and text in XStream's XML. Metadata keys become element names, so what a name cannot hold is escaped:
 * `_` as `__`, `$` as `_-`, anything else as `_.` and four hex digits. Amazon's keys hold `-` and `.`, which stay.
 */

const NAME_START = /[A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02ff\u0370-\u037d\u037f-\u1fff\u2c00-\u2fef\u3001-\ud7ff]/
const NAME_REST = /[-.0-9A-Za-z\u00b7\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u037d\u037f-\u1fff\u203f\u2040\u2c00-\u2fef\u3001-\ud7ff]/
const PLAIN_NAME = /^[A-Za-z][-.0-9A-Za-z]*$/
const ESCAPED = /__|_-|_\.([0-9a-fA-F]{4})/g
// oxlint-disable-next-line no-control-regex
const NOT_XML = /[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g
const NEEDS_ESCAPE = /[&<>\r]|[^\t\n\r\u0020-\ud7ff\ue000-\ufffd]/

/** A metadata key as an element's name. */
export function escapeName (key: string): string {
  if (PLAIN_NAME.test(key)) return key
  // An empty key has no name at all; this is the escape of NUL, which reads back as one.
  if (key === '') return '_.0000'
  let name = ''
  for (let i = 0; i < key.length; i++) name += escapeUnit(key[i]!, i === 0 ? NAME_START : NAME_REST)
  return name
}

/** The key that an element's name stands for. */
export function unescapeName (name: string): string {
  if (!name.includes('_')) return name
  return name.replace(ESCAPED, (escaped, hex: string | undefined) => {
    if (hex !== undefined) return hex === '0000' ? '' : String.fromCharCode(parseInt(hex, 16))
    return escaped === '__' ? '_' : '$'
  })
}

/** Text between tags. What XML cannot hold at all becomes U+FFFD, or one instance would spoil the whole answer. */
export function escapeText (text: string): string {
  if (!NEEDS_ESCAPE.test(text)) return text
  return text.toWellFormed().replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/\r/g, '&#xd;')
    .replace(NOT_XML, '\ufffd')
}

function escapeUnit (unit: string, allowed: RegExp): string {
  if (unit === '_') return '__'
  if (unit === '$') return '_-'
  return allowed.test(unit) ? unit : `_.${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
}
