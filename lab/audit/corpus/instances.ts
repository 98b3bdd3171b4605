/** Answers of an instance that wants to harm the gateway or the next client. */
import type { Attack, Theme } from '../attack.ts'
import { request } from './http.ts'

const SOURCE = 'security.md F8 and "Hostile HTTP/1 instance"'

export const INSTANCES: Theme = {
  name: 'instances',
  alone: true,
  about: 'answers of an instance that wants to harm',
  attacks: [
    { name: 'interim answers without end', source: SOURCE, door: 'gateway', own: true, bytes: request('GET /{mark}/endless-interims'),
      must: { status: [502], maxAnswerBytes: 1024 * 1024 } },
    { name: 'a bare CR in a field', source: SOURCE, door: 'gateway', own: true, bytes: request('GET /{mark}/split-field'), must: { status: [502], lacks: ['X-Split'] } },
    { name: 'two lengths', source: SOURCE, door: 'gateway', own: true, bytes: request('GET /{mark}/two-lengths'), must: { status: [502] } },
    { name: 'both framings', source: SOURCE, door: 'gateway', own: true, bytes: request('GET /{mark}/both-framings'), must: { lacks: ['Content-Length: 3\r\nTransfer-Encoding'] } },
    { name: 'fields without end', source: SOURCE, door: 'gateway', own: true, bytes: request('GET /{mark}/many-fields'), must: { status: [502] } },
    ...['GET', 'POST'].map((method): Attack => ({
      name: `interim answers without end to an HTTP/1.0 client, ${method}`, source: SOURCE, door: 'gateway', own: true,
      bytes: `${method} /{mark}/endless-interims HTTP/1.0\r\nHost: {host}\r\nContent-Length: 0\r\n\r\n`, must: { maxAnswerBytes: 1024 * 1024 }
    }))
  ]
}
