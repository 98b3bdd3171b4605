/** http-proxy 1.18.1 with a keep-alive agent and X-Forwarded-For: `node http-proxy-legacy.ts PORT UPSTREAM`. */
import { Agent, createServer } from 'node:http'
import { createRequire } from 'node:module'

interface Legacy { web (request: unknown, response: unknown): void, on (event: string, listener: () => void): void }

const legacy = createRequire(import.meta.url)('http-proxy-legacy') as { createProxyServer (options: object): Legacy }
const proxy = legacy.createProxyServer({
  target: process.argv[3], xfwd: true, agent: new Agent({ keepAlive: true, maxSockets: 256 })
})
proxy.on('error', () => {})
createServer((request, response) => proxy.web(request, response))
  .listen(Number(process.argv[2]), '127.0.0.1', () => process.stdout.write('ready\n'))
