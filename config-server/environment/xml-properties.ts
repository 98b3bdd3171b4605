/**
 * Java's XML form of properties: `<properties><entry key="a.b">text</entry></properties>`. Only that; a DOCTYPE may
 * name Java's DTD but is never fetched, and no entity but the five of XML is known, so nothing can be pulled in.
 */
import type { Property } from '@breakwater/starter/settings'
import { error } from '../errors.ts'

const TOKEN = /\s+|<\?xml[^>]*\?>|<!DOCTYPE\s+properties(?:\s+SYSTEM\s+"[^"<>[\]]*")?\s*>|<!--(?:(?!-->)[\s\S])*-->|<comment>[^<]*<\/comment>|<properties(?:\s+[a-z]+="[^"<]*")*\s*>|<\/properties>|<entry\s+key\s*=\s*("[^"<]*"|'[^'<]*')\s*(?:\/>|>((?:[^<]|<!\[CDATA\[(?:(?!\]\]>)[\s\S])*\]\]>)*)<\/entry\s*>)/y

/** The entries in file order; throws E_CONFIG_FILE with the line of what is not understood. */
export function parseXmlProperties (text: string, source: string): Map<string, Property> {
  const properties = new Map<string, Property>()
  const token = new RegExp(TOKEN)
  const position = { at: 0, line: 1 }
  while (token.lastIndex < text.length) {
    const from = token.lastIndex
    const match = token.exec(text)
    advance(position, text, from)
    if (match === null) throw error('E_CONFIG_FILE', ['this is no XML properties file.'], { where: `${source}:${position.line}` })
    if (match[1] === undefined) continue
    properties.set(unescape(match[1].slice(1, -1)), {
      value: { kind: 'string', text: elementText(match[2] ?? '') },
      origin: { source } // without a line, as Spring has none for XML
    })
  }
  return properties
}

function advance (position: { at: number, line: number }, text: string, to: number): void {
  for (let end = text.indexOf('\n', position.at); end >= 0 && end < to; end = text.indexOf('\n', position.at)) {
    position.line++
    position.at = end + 1
  }
}

function elementText (raw: string): string {
  return raw.split(/(<!\[CDATA\[[\s\S]*?\]\]>)/).map((part, index) =>
    index % 2 === 1 ? part.slice(9, -3) : unescape(part)).join('')
}

const ENTITIES = new Map([['lt', '<'], ['gt', '>'], ['amp', '&'], ['quot', '"'], ['apos', "'"]])

function unescape (text: string): string {
  return text.replace(/&(?:#(\d{1,7})|#x([0-9a-fA-F]{1,6})|([a-z]+));/g, (whole, decimal, hex, name) => {
    if (name !== undefined) return ENTITIES.get(name as string) ?? whole
    const code = decimal === undefined ? Number.parseInt(hex as string, 16) : Number(decimal)
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole
  })
}
