/** `breakwater call users GET /users/1`: one request to a service of the running stack, without its address. */
import { askStack } from '../control/client.ts'
import { error } from '../errors.ts'
import { readWords } from '../flags.ts'
import { dataFolderOf } from '../output.ts'
import { DATA_FLAG, FAILED, JSON_FLAG, OK, type Verb } from '../verb.ts'
import { processesOf } from './stack.ts'

const FLAGS = {
  header: { type: 'string', short: 'H', multiple: true, value: '"NAME: VALUE"', help: 'a header, as for curl' },
  gateway: { type: 'boolean', help: 'through the gateway instead of directly' },
  data: DATA_FLAG, json: { ...JSON_FLAG, help: 'status, headers and body as one JSON object' }
} as const

const ANSWER_MS = 60_000

export const callVerb: Verb = {
  name: 'call', words: 'SERVICE METHOD PATH [JSON]', summary: 'a request to a service of the running stack', flags: FLAGS,
  run: async (process, args) => {
    const { values, positionals: [service, method, path, body, ...more] } = readWords('call', args, FLAGS)
    if (service === undefined || method === undefined || path === undefined || more.length > 0 || !path.startsWith('/')) {
      throw error('E_USAGE', ['SERVICE METHOD /PATH are needed, and JSON at most.'], { where: 'breakwater call' })
    }
    const url = await addressOf(dataFolderOf(values.data), service, values.gateway === true)
    const response = await send(`${url}${path}`, method.toUpperCase(), body, headersOf(values.header ?? []))
    const text = await response.text()
    if (values.json === true) process.stdout.write(`${JSON.stringify({ status: response.status, headers: [...response.headers], body: text })}\n`)
    else {
      if (!response.ok) process.stderr.write(`${response.status} ${response.statusText}\n`)
      process.stdout.write(text.endsWith('\n') || text === '' ? text : `${text}\n`)
    }
    return response.ok ? OK : FAILED
  }
}

async function addressOf (dataFolder: string, service: string, throughGateway: boolean): Promise<string> {
  const stack = await askStack(dataFolder)
  const wanted = processesOf(stack, service)
  const url = throughGateway ? stack.gateway : wanted.find(({ state }) => state === 'UP')?.url
  if (url === undefined) throw error('E_NOT_UP', [throughGateway ? 'the gateway' : service])
  return url
}

async function send (url: string, method: string, body: string | undefined, headers: Headers): Promise<Response> {
  if (body !== undefined && !headers.has('content-type')) headers.set('content-type', 'application/json')
  try {
    return await fetch(url, { method, headers, redirect: 'manual', signal: AbortSignal.timeout(ANSWER_MS), ...(body === undefined ? {} : { body }) })
  } catch (cause) {
    throw error('E_NO_ANSWER', [url, ((cause as Error).cause as Error | undefined)?.message ?? (cause as Error).message], { cause })
  }
}

function headersOf (lines: readonly string[]): Headers {
  const headers = new Headers()
  for (const line of lines) {
    const at = line.indexOf(':')
    if (at < 1) throw error('E_USAGE', [`-H "${line}" should be NAME: VALUE.`], { where: 'breakwater call' })
    headers.append(line.slice(0, at), line.slice(at + 1).trim())
  }
  return headers
}
