/**
 * Where this process may connect when somebody else chose the address: a registration, a health check path, a header
 * that becomes a URI. Decided on the address that is connected to, after names were resolved.
 */
import { lookup as systemLookup } from 'node:dns'
import { isIP, type AddressInfo, type LookupFunction } from 'node:net'
import { networkInterfaces } from 'node:os'
import type { BreakwaterError } from '../errors.ts'
import type { Settings } from '../settings/index.ts'
import { starterError } from '../starter-errors.ts'
import { canonicalAddress, isLoopback, LOOPBACK, Networks } from './addresses.ts'

/** Link-local, unspecified, multicast and broadcast, and where clouds keep metadata and credentials. */
export const DENIED_NETWORKS: readonly string[] = [
  '0.0.0.0/8', '::', '169.254.0.0/16', 'fe80::/10', '224.0.0.0/4', '255.255.255.255', 'ff00::/8',
  'fd00:ec2::/32', 'fd20:ce::/32', '100.100.100.200', '168.63.129.16', '192.0.0.192'
]

/** Plain data: it crosses to worker threads. */
export interface DestinationRules {
  /** `breakwater.security.denied-networks`: addresses and networks that nothing is sent to. */
  readonly denied: readonly string[]
  /** `breakwater.security.loopback-instances`: whether an instance that was found may be at a loopback address. */
  readonly loopbackInstances: boolean
}

export const DESTINATION_DEFAULTS: DestinationRules = { denied: DENIED_NETWORKS, loopbackInstances: true }

/** Where a server listens; the unspecified address is every address of this machine. */
export type Listening = Pick<AddressInfo, 'address' | 'port'>

/** An address that was chosen. */
export interface Target {
  readonly host: string
  readonly port: number
  /** The operator wrote it, so it may be loopback. */
  readonly written?: boolean | undefined
}

const UNSPECIFIED = new Networks(['0.0.0.0', '::'])
const DENIED_NEXT = 'See breakwater.security.denied-networks.'
const LOOPBACK_NEXT = 'If instances of yours are there, set breakwater.security.loopback-instances to true.'

/**
 * Reads the rules. Without a word of the operator instances are at loopback addresses only where this process serves
 * this machine alone and hears of them from this machine: elsewhere such an address is a way in, and no instance.
 */
export function readDestinations (settings: Settings): DestinationRules {
  const key = 'breakwater.security.denied-networks'
  const written = settings.get(key) !== undefined || settings.keys(key).length > 0
  const denied = written ? settings.list(key) : DENIED_NETWORKS
  try {
    void new Networks(denied)
  } catch (cause) {
    throw starterError('E_NETWORK', [(cause as Error).message.split(' ', 1)[0]], { where: settings.origin(key) ?? key })
  }
  return {
    denied,
    loopbackInstances: settings.boolean('breakwater.security.loopback-instances', servesThisMachine(settings))
  }
}

function servesThisMachine (settings: Settings): boolean {
  const urls = [...settings.members('eureka.client.service-url').values()].flatMap(key => settings.list(key))
  return isLoopback(settings.string('server.address', '127.0.0.1')) && urls.every(isHere)
}

function isHere (url: string): boolean {
  return isLoopback(URL.parse(url)?.hostname ?? '')
}

/** Of so many refusals it is known that they were told. */
const MAX_TOLD = 1_000

/** Asked whenever a connection is made. */
export class Destinations {
  readonly #denied: Networks
  readonly #loopbackInstances: boolean
  readonly #tell: (refusal: string) => void
  readonly #told = new Set<string>()
  #own: readonly Listening[] = []

  /** `tell` hears of each refused address once. */
  constructor (
    { denied, loopbackInstances }: DestinationRules = DESTINATION_DEFAULTS, tell: (refusal: string) => void = () => {}
  ) {
    this.#tell = tell
    this.#denied = new Networks(denied, true)
    this.#loopbackInstances = loopbackInstances
  }

  /** Where this process listens itself: a request must not come back as one of this machine. */
  keepFrom (listening: readonly Listening[]): void {
    this.#own = listening
  }

  /** Why the target is not connected to; undefined for a name, which {@link lookup} decides about. */
  refusal (target: Target): BreakwaterError | undefined {
    return isIP(target.host) === 0 ? undefined : this.#refuse(target.host, target)
  }

  /** For `net.connect`: resolves a name to those of its addresses that may be connected to, or fails. */
  lookup (target: Target): LookupFunction {
    return (name, options, callback) => {
      systemLookup(name, { ...options, all: true }, (failure, found) => {
        if (failure !== null) return callback(failure, '', 0)
        const refusals = found.map(({ address }) => this.#refuse(address, target))
        const allowed = found.filter((_one, at) => refusals[at] === undefined)
        const [first] = allowed
        if (first === undefined) callback(refusals[0] ?? notFound(name), '', 0)
        else if (options.all === true) callback(null, allowed)
        else callback(null, first.address, first.family)
      })
    }
  }

  #refuse (address: string, target: Target): BreakwaterError | undefined {
    const refusal = this.#judge(address, target)
    if (refusal === undefined || this.#told.has(refusal.message)) return refusal
    if (this.#told.size >= MAX_TOLD) this.#told.clear()
    this.#told.add(refusal.message)
    this.#tell(String(refusal))
    return refusal
  }

  #judge (address: string, { host, port, written = false }: Target): BreakwaterError | undefined {
    const where = address === host ? address : `${host} (${address})`
    if (this.#denied.has(address)) return starterError('E_DESTINATION', [where, 'its network is denied.', DENIED_NEXT])
    if (this.#isOwn(address, port)) {
      return starterError('E_DESTINATION', [`${where}:${port}`, 'this process itself listens there.', 'Name another address.'])
    }
    if (written || this.#loopbackInstances || !LOOPBACK.has(address)) return undefined
    return starterError('E_DESTINATION', [where, 'instances at loopback addresses are this machine itself.', LOOPBACK_NEXT])
  }

  /** A server that was bound by a name may be at any address of this machine. */
  #isOwn (address: string, port: number): boolean {
    return this.#own.some(own => own.port === port && (isIP(own.address) === 0 || UNSPECIFIED.has(own.address)
      ? isOfThisMachine(address)
      : isSameAddress(own.address, address)))
  }
}

function isOfThisMachine (address: string): boolean {
  if (LOOPBACK.has(address)) return true
  return Object.values(networkInterfaces()).some(all => all?.some(one => isSameAddress(one.address, address)))
}

function isSameAddress (one: string, other: string): boolean {
  const canonical = canonicalAddress(one)
  return canonical !== undefined && canonical === canonicalAddress(other)
}

function notFound (name: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${name} has no address`), { code: 'ENOTFOUND' })
}
