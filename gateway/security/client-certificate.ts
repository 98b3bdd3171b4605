/**
 * Who a client's certificate says it is, once the handshake has verified it, and the header that tells instances.
 *
 * The header is Envoy's `x-forwarded-client-cert`. Only the gateway writes it: whatever a client sends under this name
 * is left out, trusted proxy or not, because a service behind us has no other proof of who called.
 */
import type { X509Certificate } from 'node:crypto'

export interface ClientCertificate {
  /** RFC 2253: `CN=orders,O=acme`. */
  readonly subject: string
  /** Alternative names with their kind: `DNS:orders.acme`, `URI:spiffe://acme/orders`. */
  readonly names: readonly string[]
  /** SHA-256 of the certificate, lower-case hex. */
  readonly hash: string
}

export function clientCertificate (certificate: X509Certificate): ClientCertificate {
  return {
    // OpenSSL has the most general part first and one part a line, its values escaped already.
    subject: visible((certificate.subject ?? '').split('\n').toReversed().join(',')),
    names: alternativeNames(certificate.subjectAltName ?? '').map(visible),
    hash: certificate.fingerprint256.replaceAll(':', '').toLowerCase()
  }
}

/** `DNS:a, URI:b`; names that hold a comma or a quote are written as JSON strings. */
function alternativeNames (text: string): string[] {
  return [...text.matchAll(/([^:,]+):("(?:[^"\\]|\\.)*"|[^,]*)(?:, |$)/g)].map(([, kind = '', value = '']) =>
    `${kind}:${value.startsWith('"') ? String(JSON.parse(value)) : value}`)
}

/** Header values are latin1 text without control characters; an authority may have signed anything. */
function visible (text: string): string {
  return text.replaceAll(/[^ -~]/gu, character => encodeURIComponent(character.toWellFormed()))
}

/** What a caller is called: its SPIFFE or other URI, else its common name, else its whole subject. */
export function nameOf ({ subject, names }: ClientCertificate): string {
  const uri = names.find(name => name.startsWith('URI:'))
  return uri?.slice(4) ?? /(?:^|,)CN=((?:\\.|[^,\\])*)/.exec(subject)?.[1] ?? subject
}

/** The whole header line. */
export function certificateLine ({ subject, names, hash }: ClientCertificate): string {
  const parts = [`Hash=${hash}`, `Subject=${quoted(subject)}`]
  for (const name of names) {
    const at = name.indexOf(':')
    const kind = name.slice(0, at)
    const value = name.slice(at + 1)
    if (kind === 'URI' || kind === 'DNS') parts.push(`${kind}=${/[,;="]/.test(value) ? quoted(value) : value}`)
  }
  return `${CLIENT_CERTIFICATE_HEADER}: ${parts.join(';')}\r\n`
}

export const CLIENT_CERTIFICATE_HEADER = 'x-forwarded-client-cert'

function quoted (text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`
}
