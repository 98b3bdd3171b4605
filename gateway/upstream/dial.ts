/** Connects to an instance, with TLS where it wants it: a name is told and checked, an address only checked. */
import { connect, isIP, Socket, type NetConnectOpts } from 'node:net'
import { connect as connectTls, type ConnectionOptions } from 'node:tls'
import type { Destinations } from '@breakwater/starter/security'
import type { Instance } from './upstream.ts'

export type Address = Pick<Instance, 'host' | 'port' | 'secure' | 'authority' | 'written'>

/** Leaves the version of HTTP to the instance, where TLS can ask for it. */
export const EITHER_HTTP = { ALPNProtocols: ['h2', 'http/1.1'] }

/** The only way to an instance. `connect` or `secureConnect` follows, or the error that tells why not. */
export function dial (instance: Address, tls: ConnectionOptions, destinations: Destinations,
  more: Pick<NetConnectOpts, 'onread'> = {}): Socket {
  const refusal = destinations.refusal(instance)
  // The caller listens first.
  if (refusal !== undefined) return new Socket().destroy(refusal)
  const { host, port, secure } = instance
  const target = { host, port, noDelay: true, lookup: destinations.lookup(instance), ...more }
  if (!secure) return connect(target)
  const name = isIP(host) === 0 ? { servername: host } : {}
  return connectTls({ ...tls, ...name, ...target })
}
