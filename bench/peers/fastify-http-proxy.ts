/**
 * @fastify/http-proxy as its README sets it up: `node fastify-http-proxy.ts PORT UPSTREAM [LOG]`; with a log file it
 * also does what `extras.ts` says.
 */
import proxy from '@fastify/http-proxy'
import Fastify from 'fastify'
import { extras } from './extras.ts'

const [port, upstream = '', file] = process.argv.slice(2)
const added = extras(file)
const app = Fastify()
if (added === undefined) await app.register(proxy, { upstream })
else {
  await app.register(proxy, {
    upstream,
    replyOptions: { rewriteRequestHeaders: (_, headers) => ({ ...headers, traceparent: added.traceparent() }) }
  })
  app.addHook('onResponse', (request, reply, done) => {
    const { method, url, ip: remote } = request
    added.record({ method, url, remote, status: reply.statusCode, ms: reply.elapsedTime })
    done()
  })
}
await app.listen({ port: Number(port), host: '127.0.0.1' })
process.stdout.write('ready\n')
