/**
 * h2spec against the gateway, beside the same against Node's bare HTTP/2 server, whose protocol engine (nghttp2) the
 * gateway uses: `node lab/protocol-suites/h2spec.ts [--section 6.5]`. Prints the failures of both; ends with 1 when the
 * gateway has one that Node does not have.
 */
import { createServer } from 'node:http'
import { createServer as createHttp2, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo, Server } from 'node:net'
import { readFlags } from '../../scripts/flags.ts'
import { runSuite, startGateway } from './gateway-process.ts'

/** A port without TLS serves both versions: what is no preface is a malformed HTTP/1.1 request, and told so. */
const AS_HTTP11 = new Set(['3.5. 2: Sends invalid connection preface'])

const values = readFlags(import.meta.filename, { section: { type: 'string' } })

const upstream = createServer((request, response) => {
  request.resume().on('end', () => response.end('ok'))
})
const bare = createHttp2()
bare.on('stream', (stream: ServerHttp2Stream) => {
  stream.on('error', () => {})
  stream.respond({ ':status': 200 })
  stream.end('ok')
})
bare.on('sessionError', () => {})

const gateway = await startGateway(`http://127.0.0.1:${await listen(upstream)}`)
try {
  const ours = await failures(gateway.port)
  const nodes = await failures(await listen(bare as unknown as Server))
  const added = ours.failed.filter(name => !nodes.failed.includes(name) && !AS_HTTP11.has(name))
  console.log(`gateway: ${ours.summary}\nNode:    ${nodes.summary}`)
  for (const name of ours.failed) {
    console.log(`${added.includes(name) ? 'GATEWAY ONLY' : AS_HTTP11.has(name) ? 'by choice' : 'both'}  ${name}`)
  }
  process.exitCode = added.length === 0 && ours.summary !== '' ? 0 : 1
} finally {
  await gateway.stop()
  upstream.closeAllConnections()
  upstream.close()
  bare.close()
}

async function listen (server: Server): Promise<number> {
  await new Promise<void>(resolve => { server.listen(0, '127.0.0.1', resolve) })
  return (server.address() as AddressInfo).port
}

/** The last line, and each failed case with the section above it. */
async function failures (port: number): Promise<{ readonly summary: string, readonly failed: readonly string[] }> {
  const sections = values.section === undefined ? [] : [values.section]
  const output = await runSuite(process.env['H2SPEC'] ?? 'h2spec', [...sections, '--strict', '--port', String(port)])
  const lines = output.slice(Math.max(0, output.indexOf('Failures:'))).split('\n')
  const failed: string[] = []
  let section = ''
  for (const line of lines) {
    const [, number] = /^\s*((?:\d+\.)+) /.exec(line) ?? []
    const [, text] = /× (\d+: .*)/.exec(line) ?? []
    if (number !== undefined) section = number
    if (text !== undefined) failed.push(`${section} ${text}`)
  }
  return { summary: /^\d+ tests, .*$/m.exec(output)?.[0] ?? '', failed }
}
