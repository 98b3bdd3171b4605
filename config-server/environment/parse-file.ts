/** One configuration file to documents, by its extension, within limits. */
import {
  decodeYaml, PARSE_LIMITS, parseProperties, parseYaml, type ConfigDocument, type ParseLimits
} from '@breakwater/starter/settings'
import { error } from '../errors.ts'
import { xmlText } from './file-text.ts'
import { parseXmlProperties } from './xml-properties.ts'

export interface FileLimits {
  readonly maxFileBytes: number
  readonly maxKeys: number
}

/** Parses by extension; `.properties` is ISO-8859-1, as Java reads it. Throws with file and line. */
export function parseConfigFile (file: string, content: Buffer, limits: FileLimits): readonly ConfigDocument[] {
  if (content.length > limits.maxFileBytes) {
    throw error('E_CONFIG_FILE_LIMIT', [`${content.length} bytes`, limits.maxFileBytes, 'max-file-bytes'], { where: file })
  }
  const documents = parseByExtension(file, content, { ...PARSE_LIMITS, chars: limits.maxFileBytes })
  const keys = documents.reduce((sum, document) => sum + document.properties.size, 0)
  if (keys > limits.maxKeys) throw error('E_CONFIG_FILE_LIMIT', [`${keys} keys`, limits.maxKeys, 'max-keys'], { where: file })
  return documents
}

function parseByExtension (file: string, content: Buffer, limits: ParseLimits): readonly ConfigDocument[] {
  if (file.endsWith('.properties')) return parseProperties(content.toString('latin1'), file, limits)
  if (file.endsWith('.xml')) return [{ name: file, index: 0, properties: parseXmlProperties(xmlText(content, file), file) }]
  return parseYaml(decodeYaml(content, file), file, limits)
}
