/** `http://host:port` of a listener, with IPv6 in brackets. */
import type { DataPlaneOptions } from '../data-plane-options.ts'

export function urlOf (options: Pick<DataPlaneOptions, 'host' | 'tls'>, port: number): string {
  const host = options.host.includes(':') ? `[${options.host}]` : options.host
  return `${options.tls === undefined ? 'http' : 'https'}://${host}:${port}`
}
