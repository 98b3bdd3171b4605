/** Addresses as what they mean, not as they are spelled: texts are parsed, and IPv4 is found when mapped into IPv6. */
import { BlockList, isIP } from 'node:net'

/** IPv6 prefixes that an IPv4 address stands behind, and at which of the eight groups it begins. */
const EMBEDDINGS = [['::', 6], ['64:ff9b::', 6], ['64:ff9b:1::', 6], ['2002::', 1]] as const
const GROUP_BITS = 16
const IPV4_BITS = 32
const IPV6_BITS = 128

/** A set of networks, asked by the text of an address. */
export class Networks {
  readonly #list = new BlockList()

  /**
   * Throws a TypeError for what is neither an address nor `ADDRESS/BITS`. `translated`: also what a translator on the
   * way (NAT64, 6to4) makes one of its addresses. For refusing only: to trust such an address is to trust a stranger.
   */
  constructor (networks: readonly string[], translated = false) {
    for (const network of networks) this.#add(network, translated)
  }

  /** Whether the address lies in one of them; false for what is no address. */
  has (text: string): boolean {
    const address = bareAddress(text)
    const family = isIP(address)
    return family !== 0 && this.#list.check(address, `ipv${family as 4 | 6}`)
  }

  #add (network: string, translated: boolean): void {
    const [address = '', bits] = network.split('/')
    const family = isIP(address)
    const most = family === 4 ? IPV4_BITS : IPV6_BITS
    const prefix = bits === undefined ? most : Number(bits)
    if (family === 0 || bits === '' || !Number.isInteger(prefix) || prefix < 0 || prefix > most) {
      throw new TypeError(`${network} is no network`)
    }
    this.#list.addSubnet(address, prefix, `ipv${family as 4 | 6}`)
    // Below ::/96 also lies ::1, which is not what 0.0.0.0/8 means.
    if (family !== 4 || !translated || address.startsWith('0.')) return
    for (const [head, at] of EMBEDDINGS) this.#addEmbedded(address, prefix, head, at)
  }

  #addEmbedded (address: string, prefix: number, head: string, at: number): void {
    const [a = 0, b = 0, c = 0, d = 0] = address.split('.').map(Number)
    const groups = [...groupsOf(head), 0, 0, 0, 0, 0, 0, 0, 0].slice(0, 8)
    groups[at] = a * 256 + b
    groups[at + 1] = c * 256 + d
    const text = groups.map(group => group.toString(16)).join(':')
    this.#list.addSubnet(text, at * GROUP_BITS + prefix, 'ipv6')
  }
}

/** 127.0.0.0/8 and ::1, and the former as mapped into IPv6. */
export const LOOPBACK = new Networks(['127.0.0.0/8', '::1'])

/** Whether the text is a loopback address in any spelling, or the name that always stands for one. */
export function isLoopback (text: string): boolean {
  return LOOPBACK.has(text) || text === 'localhost'
}

/** `localhost` and the names below it never leave the machine (RFC 6761, 6.3). */
export function isLocalName (text: string): boolean {
  const name = text.toLowerCase().replace(/\.$/, '')
  return name === 'localhost' || name.endsWith('.localhost')
}

/** One text for each address: `::FFFF:7f00:1` is `127.0.0.1`; undefined for what is no address. */
export function canonicalAddress (text: string): string | undefined {
  const address = bareAddress(text)
  if (isIP(address) === 0) return undefined
  if (isIP(address) === 4) return address
  const shortest = new URL(`http://[${address}]`).hostname.slice(1, -1)
  const mapped = /^::ffff:([\da-f]+):([\da-f]+)$/.exec(shortest)
  if (mapped === null) return shortest
  const [high, low] = [parseInt(mapped[1] ?? '', 16), parseInt(mapped[2] ?? '', 16)]
  return [high >> 8, high & 255, low >> 8, low & 255].join('.')
}

/** Without brackets and zone: `[fe80::1%eth0]` is in the networks that `fe80::1` is in. */
function bareAddress (text: string): string {
  return text.replace(/^\[|\]$/g, '').split('%', 1)[0] ?? ''
}

function groupsOf (head: string): number[] {
  return head.replace(/::$/, '').split(':').filter(Boolean).map(group => parseInt(group, 16))
}
