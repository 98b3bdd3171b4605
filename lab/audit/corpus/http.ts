/** Requests as texts. */

/** A request whose fields come as lines; the body stands as it is. */
export function request (line: string, fields: readonly string[] = [], body = ''): string {
  return `${line} HTTP/1.1\r\nHost: {host}\r\n${fields.map(field => `${field}\r\n`).join('')}\r\n${body}`
}

/** With a Content-Length that is right, whatever is filled in. */
export function withBody (line: string, body: string, fields: readonly string[] = []): string {
  return request(line, [...fields, 'Content-Length: {length}'], body)
}

export const json = (line: string, value: unknown, fields: readonly string[] = []): string =>
  withBody(line, utf8(JSON.stringify(value)), ['Content-Type: application/json', ...fields])

/** A text as its bytes, a character each. */
export const utf8 = (text: string): string => Buffer.from(text).toString('latin1')

export const as = (user: string): string => `Authorization: {as:${user}}`
export const HANDSHAKE = ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==']
