/** Connects to an instance, with TLS where it wants it: a name is told and checked, an address only checked. */
import { connect, isIP, type NetConnectOpts, type Socket } from 'node:net'
import { connect as connectTls, type ConnectionOptions } from 'node:tls'
import type { Instance } from './upstream.ts'

export type Address = Pick<Instance, 'host' | 'port' | 'secure' | 'authority'>

/** Leaves the version of HTTP to the instance, where TLS can ask for it. */
export const EITHER_HTTP = { ALPNProtocols: ['h2', 'http/1.1'] }

/** `connect` or `secureConnect` follows. */
export function dial ({ host, port, secure }: Address, tls: ConnectionOptions,
  more: Pick<NetConnectOpts, 'onread'> = {}): Socket {
  const target = { host, port, noDelay: true, ...more }
  if (!secure) return connect(target)
  const name = isIP(host) === 0 ? { servername: host } : {}
  return connectTls({ ...tls, ...name, ...target })
}
