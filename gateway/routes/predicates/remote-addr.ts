/** `RemoteAddr` and `XForwardedRemoteAddr`: the peer, or the address the trusted proxies saw, is in a network. */
import type { PredicateFactory } from '../factory.ts'
import { networkList } from '../../security/networks.ts'

export const remoteAddr: PredicateFactory = {
  name: 'RemoteAddr',
  fields: ['sources'],
  gather: 'list',
  create (args) {
    const sources = args.list('sources')
    if (sources.length === 0) throw args.fail('sources are required')
    const networks = args.parsed('sources', () => networkList(sources), sources.join(','))
    return {
      name: 'RemoteAddr',
      test: x => networks.has(x.remoteAddress),
      toString: () => `RemoteAddrs: [${sources.join(', ')}]`
    }
  }
}

export const xForwardedRemoteAddr: PredicateFactory = {
  name: 'XForwardedRemoteAddr',
  fields: ['sources'],
  extra: ['maxTrustedIndex'],
  gather: 'list',
  create (args) {
    const sources = args.list('sources')
    if (sources.length === 0) throw args.fail('sources are required')
    const trusted = args.integer('maxTrustedIndex', 1, 1)
    const networks = args.parsed('sources', () => networkList(sources), sources.join(','))
    return {
      name: 'XForwardedRemoteAddr',
      test: x => networks.has(forwardedAddress(x.headerValues('x-forwarded-for'), trusted) ?? x.remoteAddress),
      toString: () => `XForwardedRemoteAddrs: [${sources.join(', ')}]`
    }
  }
}

/**
 * The entry `maxTrustedIndex` from the right. More than one header line is a forgery by someone who hopes that we
 * read another line than the proxy wrote: all are ignored, as Spring does.
 */
export function forwardedAddress (values: readonly string[], maxTrustedIndex: number): string | undefined {
  if (values.length !== 1) return undefined
  const addresses = (values[0] ?? '').split(',').map(part => part.trim()).filter(part => part !== '')
  return addresses[Math.max(0, addresses.length - maxTrustedIndex)]
}
