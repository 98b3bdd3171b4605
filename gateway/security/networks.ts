/** Lists of addresses and networks, v4 and v6, an IPv4-mapped peer (`::ffff:10.0.0.1`) counting as IPv4. */
import { BlockList, isIP } from 'node:net'

export interface Networks {
  has (address: string): boolean
}

/** Bare addresses mean themselves alone: /32, and /128 for IPv6, where Spring's /32 would let half a continent in. */
export function networkList (sources: readonly string[]): Networks {
  const list = new BlockList()
  for (const source of sources) add(list, source.trim())
  return {
    has (address) {
      const plain = unmapped(address)
      const family = isIP(plain)
      return family !== 0 && list.check(plain, family === 6 ? 'ipv6' : 'ipv4')
    }
  }
}

function add (list: BlockList, source: string): void {
  const [address = '', bits] = source.split('/', 2)
  const family = isIP(address)
  const most = family === 6 ? 128 : 32
  const prefix = bits === undefined ? most : Number(bits)
  if (family === 0 || !Number.isInteger(prefix) || prefix < 0 || prefix > most || bits === '') {
    throw new Error(`"${source}" is no address or network such as 10.0.0.0/8 or fd00::/8`)
  }
  list.addSubnet(address, prefix, family === 6 ? 'ipv6' : 'ipv4')
}

/** `::ffff:10.0.0.1` is how a dual-stack socket names an IPv4 peer. */
export function unmapped (address: string): string {
  const bare = address.startsWith('[') && address.endsWith(']') ? address.slice(1, -1) : address
  return bare.toLowerCase().startsWith('::ffff:') && bare.includes('.') ? bare.slice(7) : bare
}
