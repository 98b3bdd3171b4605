/**
 * @fastify/http-proxy as its README sets it up: `node fastify-http-proxy.ts PORT UPSTREAM [LOG]`; with a log file it
 * also does what `extras.ts` says.
 */
import type { IncomingHttpHeaders } from 'node:http'
import proxy from '@fastify/http-proxy'
import Fastify from 'fastify'
import { extras, PREFIXES } from './extras.ts'

const [port, upstream = '', file] = process.argv.slice(2)
const added = extras(file)
const app = Fastify()
if (added === undefined) await app.register(proxy, { upstream })
else {
  const rewriteRequestHeaders = (_: unknown, headers: IncomingHttpHeaders): IncomingHttpHeaders =>
    ({ ...headers, traceparent: added.traceparent() })
  for (const prefix of PREFIXES) {
    await app.register(proxy, {
      upstream,
      prefix,
      preHandler (_request, reply, done) {
        if (added.allows(reply.raw)) done()
        else void reply.code(503).send()
      },
      replyOptions: { rewriteRequestHeaders }
    })
  }
  app.addHook('onResponse', (request, reply, done) => {
    const { method, url, ip: remote } = request
    added.record({ method, url, remote, status: reply.statusCode, ms: reply.elapsedTime })
    done()
  })
}
await app.listen({ port: Number(port), host: '127.0.0.1' })
process.stdout.write('ready\n')
