/** Instances behind TLS that show a certificate of somebody else. */
import type { Attack, Theme } from '../attack.ts'
import { CERTIFICATE_KINDS } from '../certificates.ts'
import { request } from './http.ts'

const RIGHT = 'right-name'

export const CERTIFICATES: Theme = {
  name: 'certificates',
  about: 'instances that show a certificate of somebody else',
  attacks: CERTIFICATE_KINDS.flatMap(kind => ['GET', 'POST'].map((method): Attack => ({
    name: `${kind}, ${method}`, source: 'security.md, "JWT, client certificates, TLS versions, self-signed instances"; RFC 9525, 6',
    door: 'gateway', own: true, bytes: request(`${method} /tls/${kind}/{mark}`, ['Content-Length: 0']),
    must: kind === RIGHT ? { status: [200], heard: ['/tls/right-name/{mark}'] } : { status: [502, 503, 525, 526], unheard: ['.'] }
  })))
}
