/** Asks a gateway, whichever it is, the questions of a world, and tells what its service and its client got. */
import { createServer, request, type IncomingHttpHeaders, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { Ask, Case, World } from './table.ts'

/** What came of one request: an answer, and within its body what the service was sent. */
export interface Outcome {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[]>>
  readonly body: unknown
}

/** By `world case n`. */
export type Outcomes = Record<string, Outcome>

/** Of the connection, the moment, or the client's own doing. */
const LEFT_OUT = /^(?:date|connection|content-length|transfer-encoding|keep-alive|x-case|x-answer|x-forwarded-.*|forwarded|traceparent|x-request-id|accept|user-agent)$/

/** A service that answers as `x-answer` says, or tells what it was sent. */
export async function startService (): Promise<{ server: Server, url: string }> {
  const server = createServer((asked, response) => {
    void text(asked).then(body => {
      const { headers, method, url } = asked
      const answer = JSON.parse(String(headers['x-answer'] ?? '{}')) as NonNullable<Ask['answer']>
      const given: Array<readonly [string, string]> = [...answer.headers ?? [], ...answer.body === undefined ? [['Content-Type', 'text/plain'] as const] : []]
      response.writeHead(answer.status ?? 200, given.flat())
      response.end(answer.body ?? JSON.stringify({ method, url, headers: kept(headers), body }))
    })
  }).listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

function kept (headers: IncomingHttpHeaders): Record<string, string | string[]> {
  return Object.fromEntries(Object.entries(headers)
    .filter((one): one is [string, string | string[]] => !LEFT_OUT.test(one[0]) && one[1] !== undefined)
    .toSorted(([a], [b]) => a < b ? -1 : 1))
}

/** The settings of a world as both gateways read them: JSON is YAML. */
export function settingsOf ({ settings, cases }: World, service: string): string {
  const routes = cases.map(one => ({
    id: one.id, uri: service, predicates: [`Header=x-case, ${one.id}`, ...one.predicates ?? []], filters: one.filters ?? [],
    ...one.metadata === undefined ? {} : { metadata: one.metadata }
  }))
  return Object.entries({ 'spring.cloud.gateway.server.webflux.routes': routes, ...settings })
    .map(([key, value]) => `"${key}": ${JSON.stringify(value)}\n`).join('').replaceAll('SERVICE', service)
}

/** All questions of a world, one after the other. */
export async function ask (world: World, gateway: string, service: string): Promise<Outcomes> {
  const outcomes: Outcomes = {}
  for (const one of world.cases) {
    for (const [n, question] of one.asks.entries()) {
      const outcome = await askOnce(gateway, one, question)
      const plain = JSON.stringify(outcome).replaceAll(service.slice(7), 'SERVICE').replaceAll(gateway.slice(7), 'GATEWAY')
      outcomes[`${world.name} ${one.id} ${n}`] = JSON.parse(plain) as Outcome
    }
  }
  return outcomes
}

const ERRORS = /^(?:403|404|5..)$/

async function askOnce (gateway: string, { id }: Case, question: Ask): Promise<Outcome> {
  const { path = '/', method = 'GET', headers = {}, body, answer } = question
  const { hostname, port } = new URL(gateway)
  const sent = { 'x-case': id, ...answer === undefined ? {} : { 'x-answer': JSON.stringify(answer) }, ...headers }
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const asked = request({ hostname, port, path, method, headers: sent, agent: false }, resolve).on('error', reject)
    asked.end(body)
  })
  const status = response.statusCode ?? 0
  const received = await text(response)
  // Bodies of errors are each gateway's own.
  return { status, headers: kept(repeated(response)), body: ERRORS.test(String(status)) ? '' : parsed(received) }
}

/** Fields that stand more than once, which Node joins, as lists. */
function repeated ({ headersDistinct }: IncomingMessage): IncomingHttpHeaders {
  return Object.fromEntries(Object.entries(headersDistinct)
    .map(([name, values = []]) => [name, values.length === 1 ? values[0] : values]))
}

function parsed (body: string): unknown {
  return body.startsWith('{"method"') ? JSON.parse(body) : body
}
