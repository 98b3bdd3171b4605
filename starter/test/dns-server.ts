/** A stand-in for cluster DNS on a real socket: answers A queries from a table, NXDOMAIN otherwise. */
import { createSocket } from 'node:dgram'
import type { Test } from 'tap'

export interface DnsServer {
  /** `127.0.0.1:53535`, for `breakwater.dns.servers`. */
  readonly address: string
  readonly asked: readonly string[]
}

/** Ends with the test. */
export async function startDns (t: Test, zone: Record<string, string>): Promise<DnsServer> {
  const asked: string[] = []
  const socket = createSocket('udp4')
  socket.on('message', (query, from) => {
    const { name, reply } = answerA(query, zone)
    asked.push(name)
    socket.send(reply, from.port, from.address)
  })
  await new Promise<void>(resolve => socket.bind(0, '127.0.0.1', resolve))
  t.teardown(() => socket.close())
  return { address: `127.0.0.1:${socket.address().port}`, asked }
}

/** A DNS answer with one A record, or NXDOMAIN. */
function answerA (query: Buffer, zone: Record<string, string>): { name: string, reply: Buffer } {
  const labels: string[] = []
  let at = 12
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length))
    at += length + 1
  }
  const name = labels.join('.')
  const address = zone[name]
  const header = Buffer.from(query.subarray(0, 12))
  header.writeUInt16BE(address === undefined ? 0x8183 : 0x8180, 2)
  header.writeUInt16BE(address === undefined ? 0 : 1, 6)
  header.writeUInt32BE(0, 8)
  const record = address === undefined ? [] : [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4, ...address.split('.').map(Number)]
  return { name, reply: Buffer.concat([header, query.subarray(12, at + 5), Buffer.from(record)]) }
}
