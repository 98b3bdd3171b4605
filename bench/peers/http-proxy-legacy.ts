/**
 * http-proxy 1.18.1 with a keep-alive agent and X-Forwarded-For: `node http-proxy-legacy.ts PORT UPSTREAM [LOG]`; with
 * a log file it also does what `extras.ts` says.
 */
import { Agent, createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createRequire } from 'node:module'
import { extras, PREFIXES } from './extras.ts'

interface Legacy { web (request: unknown, response: unknown): void, on (event: string, listener: () => void): void }

const [port, target, file] = process.argv.slice(2)
const legacy = createRequire(import.meta.url)('http-proxy-legacy') as { createProxyServer (options: object): Legacy }
const proxy = legacy.createProxyServer({ target, xfwd: true, agent: new Agent({ keepAlive: true, maxSockets: 256 }) })
proxy.on('error', () => {})

const added = extras(file)

function watched (request: IncomingMessage, response: ServerResponse): void {
  const startedMs = performance.now()
  const isRouted = PREFIXES.some((prefix) => request.url?.startsWith(prefix))
  if (!isRouted || added?.allows(response) === false) return void response.writeHead(isRouted ? 503 : 404).end()
  request.headers['traceparent'] = added?.traceparent()
  const { method = '', url = '', socket: { remoteAddress: remote = '' } } = request
  response.once('finish', () => {
    added?.record({ method, url, remote, status: response.statusCode, ms: performance.now() - startedMs })
  })
  proxy.web(request, response)
}

createServer(added === undefined ? (request, response) => proxy.web(request, response) : watched)
  .listen(Number(port), '127.0.0.1', () => process.stdout.write('ready\n'))
