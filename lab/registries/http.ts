/** One call to a registry over kept-alive connections, with a deadline. */
import { Agent, request } from 'node:http'

const agent = new Agent({ keepAlive: true })
/** As the Java client's: who does not answer within it is left for another. */
const DEADLINE_MS = 2000
const LIST_DEADLINE_MS = 20_000

export interface Answer { readonly status: number, readonly text: string }

/** Rejects when nothing was answered in time. */
export function call (method: 'GET' | 'POST' | 'PUT' | 'DELETE', url: string, body?: object): Promise<Answer> {
  const text = body === undefined ? '' : JSON.stringify(body)
  const headers = { accept: 'application/json', ...(text === '' ? {} : { 'content-type': 'application/json' }), 'content-length': Buffer.byteLength(text) }
  const deadlineMs = method === 'GET' ? LIST_DEADLINE_MS : DEADLINE_MS
  return new Promise((resolve, reject) => {
    const sent = request(url, { agent, method, headers }, response => {
      let answer = ''
      response.setEncoding('utf8').on('data', chunk => { answer += String(chunk) }).on('error', reject).on('end', () => {
        clearTimeout(timer)
        resolve({ status: response.statusCode ?? 0, text: answer })
      })
    })
    const timer = setTimeout(() => { sent.destroy(new Error(`no answer in ${deadlineMs} ms`)) }, deadlineMs)
    sent.on('error', failure => {
      clearTimeout(timer)
      reject(failure)
    })
    sent.end(text)
  })
}

export function closeConnections (): void {
  agent.destroy()
}
