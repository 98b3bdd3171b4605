/** Answers that the gateway makes itself, as the text that goes on the wire. */
import { STATUS_CODES } from 'node:http'
import type { Clock } from '../clock.ts'
import type { Reply } from '../exchange.ts'

/** `200 OK`, `499 Client Closed Request`. */
export function reasonOf (status: number): string {
  return STATUS_CODES[status] ?? 'Unknown'
}

/** Spring Boot's error body, which clients of a Spring gateway already parse. */
export function errorReply (status: number, path: string, requestId: string, timeMs: number, message?: string): Reply {
  const timestamp = new Date(timeMs).toISOString().replace('Z', '+00:00')
  const body = JSON.stringify({ timestamp, path, status, error: reasonOf(status), message, requestId })
  return { status, headers: [['content-type', 'application/json']], body }
}

/** A whole answer to a head that could not be read; the connection ends with it. */
export function refusal (status: number, requestId: string, clock: Clock): string {
  const { body } = errorReply(status, '', requestId, clock.wallMs())
  return `HTTP/1.1 ${status} ${reasonOf(status)}\r\ncontent-type: application/json\r\n` +
    `content-length: ${body.length}\r\ndate: ${clock.httpDate()}\r\nconnection: close\r\n\r\n${body.toString()}`
}

/** The head of a reply, without framing fields and without the empty line: the form that response filters edit. */
export function replyHead (reply: Reply): string {
  let head = `HTTP/1.1 ${reply.status} ${reasonOf(reply.status)}\r\n`
  for (const [name, value] of reply.headers) {
    if (!FRAMING.test(name)) head += `${name}: ${value}\r\n`
  }
  return `${head}\r\n`
}

/** A handler does not frame its answer: the gateway knows the length. */
const FRAMING = /^(?:content-length|transfer-encoding|connection|keep-alive)$/i
