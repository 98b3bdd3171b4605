/** JSON over kept-alive connections of Node's own http: a fraction of what fetch costs beside the services measured. */
import { Agent, request } from 'node:http'
import { uuidv7 } from '@breakwater/messaging'

export interface Answer<Body> { readonly status: number, readonly body: Body }

const DEADLINE_MS = 30_000
const agent = new Agent({ keepAlive: true, maxSockets: 512 })

/** Resolves with whatever was answered; rejects when nothing was. */
export function ask<Body = Record<string, unknown>> (
  base: string, method: string, path: string, body?: object
): Promise<Answer<Body>> {
  const text = body === undefined ? '' : JSON.stringify(body)
  const headers = text === ''
    ? {}
    : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text), 'idempotency-key': uuidv7() }
  return new Promise((resolve, reject) => {
    const sent = request(base + path, { agent, method, headers }, response => {
      let answer = ''
      response.setEncoding('utf8').on('data', chunk => { answer += String(chunk) }).on('error', reject).on('end', () => {
        resolve({ status: response.statusCode ?? 0, body: (answer === '' ? undefined : parse(answer)) as Body })
      })
    })
    sent.setTimeout(DEADLINE_MS, () => { sent.destroy(new Error(`${method} ${path}: no answer in ${DEADLINE_MS} ms`)) })
    sent.on('error', reject)
    sent.end(text)
  })
}

/** The body; rejects unless it was a success. */
export async function must<Body = Record<string, unknown>> (
  base: string, method: string, path: string, body?: object
): Promise<Body> {
  const answer = await ask<Body>(base, method, path, body)
  if (answer.status < 200 || answer.status > 299) {
    throw new Error(`${method} ${path} answered ${answer.status} ${JSON.stringify(answer.body)}`)
  }
  return answer.body
}

function parse (text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
