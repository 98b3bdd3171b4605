/** The two ways in which the SDK talks: queries answered in XML (SNS), and JSON (SQS). */
import type { AwsFault } from './fault.ts'

type Tree = { [key: string]: Tree | string }

/** `A.member.1.B=x` becomes `{ A: [{ B: 'x' }] }`; entries of key and value become a record. */
export function readQuery (text: string): Record<string, unknown> {
  const root: Tree = {}
  for (const [path, value] of new URLSearchParams(text)) {
    const keys = path.split('.')
    let at = root
    for (const key of keys.slice(0, -1)) at = (at[key] ??= {}) as Tree
    at[keys.at(-1)!] = value
  }
  return plain(root) as Record<string, unknown>
}

function plain (tree: Tree | string): unknown {
  if (typeof tree === 'string') return tree
  if (typeof tree.member === 'object') return Object.values(tree.member).map(plain)
  if (typeof tree.entry === 'object') {
    return Object.fromEntries(Object.values(tree.entry).map(entry => {
      const { key, Name, value, Value } = plain(entry) as Record<string, unknown>
      return [key ?? Name, value ?? Value]
    }))
  }
  return Object.fromEntries(Object.entries(tree).map(([key, value]) => [key, plain(value)]))
}

export function xmlAnswer (action: string, result: unknown): string {
  return `<${action}Response xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><${action}Result>${xml(result)}</${action}Result>` +
    `<ResponseMetadata><RequestId>test</RequestId></ResponseMetadata></${action}Response>`
}

export function xmlFault ({ code, message, senderFault }: AwsFault): string {
  return '<ErrorResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><Error>' +
    xml({ Type: senderFault ? 'Sender' : 'Receiver', Code: code, Message: message }) +
    '</Error><RequestId>test</RequestId></ErrorResponse>'
}

function xml (value: unknown): string {
  if (Array.isArray(value)) return value.map(one => `<member>${xml(one)}</member>`).join('')
  if (value instanceof Map) {
    return [...value].map(([key, one]) => `<entry><key>${xml(key)}</key><value>${xml(one)}</value></entry>`).join('')
  }
  if (typeof value === 'object' && value !== null) {
    return Object.entries(value).map(([key, one]) => `<${key}>${xml(one)}</${key}>`).join('')
  }
  return String(value).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

export function jsonFault ({ code, message }: AwsFault): string {
  const type = code === 'AWS.SimpleQueueService.NonExistentQueue' ? 'QueueDoesNotExist' : code
  return JSON.stringify({ __type: `com.amazonaws.sqs#${type}`, message })
}
