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

/** What providers give to one customer at least. */
export const IPV6_PREFIX_LENGTH = 64

/**
 * Whom an address belongs to. An IPv6 client has a network of its own, by custom a /64, and may come from any of its
 * addresses: counted one by one, nothing would ever be reached. An IPv4 address is a client.
 */
export function clientNetwork (address: string, ipv6PrefixLength: number): string {
  const plain = unmapped(address)
  if (!plain.includes(':') || ipv6PrefixLength >= 128) return plain
  const bits = groupsOf(plain).map(group => Number.parseInt(group, 16).toString(2).padStart(16, '0')).join('')
  const network = bits.slice(0, ipv6PrefixLength).padEnd(128, '0').match(/.{16}/g) ?? []
  return `${network.map(group => Number.parseInt(group, 2).toString(16)).join(':')}/${ipv6PrefixLength}`
}

/** The eight groups of an IPv6 address, `::` filled in; a zone and an IPv4 tail do not occur in what is counted. */
function groupsOf (address: string): string[] {
  const [head = '', tail] = (address.split('%')[0] ?? '').split('::')
  const [before, after] = [head, tail ?? ''].map(part => part === '' ? [] : part.split(':'))
  const missing = tail === undefined ? 0 : 8 - before!.length - after!.length
  return [...before!, ...Array.from({ length: Math.max(0, missing) }, () => '0'), ...after!]
}

/** `::ffff:10.0.0.1` is how a dual-stack socket names an IPv4 peer. */
export function unmapped (address: string): string {
  const bare = address.startsWith('[') && address.endsWith(']') ? address.slice(1, -1) : address
  return bare.toLowerCase().startsWith('::ffff:') && bare.includes('.') ? bare.slice(7) : bare
}
