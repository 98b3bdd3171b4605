import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { isIP } from 'node:net'
import type { Destinations } from '@breakwater/starter/security'
import type { Instance } from '../registry/instance.ts'
import type { CheckOptions } from './check-options.ts'

/**
 * Calls the health check once; undefined when it is well, else what was wrong. The connection goes to the registered
 * address, if that is no denied one, whatever the name in the URL resolves to, a redirect is not followed, and the
 * body is not read.
 */
export function callCheck (
  { url, timeoutMs }: CheckOptions, { ipAddr }: Instance, destinations: Destinations
): Promise<string | undefined> {
  if (isIP(ipAddr) === 0) return Promise.resolve(`${ipAddr} is no IP address`)
  const port = Number(url.port) || (url.protocol === 'https:' ? 443 : 80)
  const refusal = destinations.refusal({ host: ipAddr, port })
  if (refusal !== undefined) return Promise.resolve(refusal.message)
  const send = url.protocol === 'https:' ? httpsRequest : httpRequest
  const signal = AbortSignal.timeout(timeoutMs)
  return new Promise(resolve => {
    const outgoing = send({
      host: ipAddr,
      port,
      path: url.pathname + url.search,
      headers: { host: url.host, 'user-agent': 'breakwater-discovery', connection: 'close' },
      agent: false,
      signal,
      ...(url.protocol === 'https:' ? { servername: url.hostname } : {})
    }, response => {
      const status = response.statusCode ?? 0
      response.destroy()
      resolve(status >= 200 && status < 300 ? undefined : `answered ${status}`)
    })
    outgoing.on('error', failure => {
      resolve(signal.aborted ? `no answer within ${timeoutMs} ms` : (failure as NodeJS.ErrnoException).code ?? failure.message)
    })
    outgoing.end()
  })
}
