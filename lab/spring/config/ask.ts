/** One request whose path goes out exactly as written, and what of the answer is compared. */
import { request } from 'node:http'
import { ROOT, type ConfigAnswer, type ConfigQuestion } from './case.ts'

const ANSWER_MS = 60_000

/** `root` is the folder the server searches. */
export async function askServer (url: string, root: string, asked: ConfigQuestion): Promise<ConfigAnswer> {
  const { hostname, port } = new URL(url)
  const headers = { accept: asked.accept, ...(asked.body === undefined ? {} : { 'content-type': 'text/plain', 'content-length': Buffer.byteLength(asked.body) }) }
  const { promise, resolve, reject } = Promise.withResolvers<ConfigAnswer>()
  const { method, path } = asked
  const options = { hostname, port, path, method, headers, agent: false, timeout: ANSWER_MS }
  const call = request(options, response => {
    const chunks: Buffer[] = []
    response.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', reject).on('end', () => {
      const { statusCode: status = 0, headers: { 'content-type': type = '', allow } } = response
      const body = Buffer.concat(chunks).toString().replaceAll(root, ROOT)
      if (status === 405) resolve({ status, allow: String(allow).split(/,\s*/).toSorted().join(', ') })
      else resolve(status < 400 ? { status, type, body } : { status })
    })
  })
  call.on('timeout', () => call.destroy(new Error(`no answer to ${asked.path} within a minute`))).on('error', reject)
  call.end(asked.body)
  return await promise
}
