/** A stand-in for cluster DNS on a real socket: answers A and AAAA queries from a table, NXDOMAIN otherwise. */
import { createSocket } from 'node:dgram'
import type { Test } from 'tap'

export interface DnsServer {
  /** `127.0.0.1:53535`, for `breakwater.dns.servers`. */
  readonly address: string
  readonly asked: readonly string[]
}

/** Ends with the test. A name has an address, or one of each family: `10.0.0.1 fd00::1`. */
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

/** A DNS answer with one record, with none of this family, or NXDOMAIN. */
function answerA (query: Buffer, zone: Record<string, string>): { name: string, reply: Buffer } {
  const labels: string[] = []
  let at = 12
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length))
    at += length + 1
  }
  const name = labels.join('.')
  const addresses = zone[name]?.split(' ') ?? []
  const type = query.readUInt16BE(at + 1)
  const address = addresses.find(one => one.includes(':') === (type === 28))
  const header = Buffer.from(query.subarray(0, 12))
  header.writeUInt16BE(addresses.length === 0 ? 0x8183 : 0x8180, 2)
  header.writeUInt16BE(address === undefined ? 0 : 1, 6)
  header.writeUInt32BE(0, 8)
  const record = address === undefined ? [] : [0xc0, 12, 0, type, 0, 1, 0, 0, 0, 1, 0, ...bytesOf(address)]
  return { name, reply: Buffer.concat([header, query.subarray(12, at + 5), Buffer.from(record)]) }
}

/** The length and the bytes; of IPv6 only what ends in `::N`. */
function bytesOf (address: string): number[] {
  if (!address.includes(':')) return [4, ...address.split('.').map(Number)]
  const [head = '', tail = ''] = address.split('::').map(part => part.padStart(4, '0'))
  return [16, ...Buffer.from(head, 'hex'), ...Buffer.alloc(12), ...Buffer.from(tail, 'hex')]
}
