/**
 * Ours: `ClientCertificate=URI:spiffe://acme/.*, CN=orders.*`: the client proved by certificate (`server.ssl.client-auth`)
 * to be one of these. Each pattern is compared with the whole subject (RFC 2253) and with each alternative name with
 * its kind (`DNS:`, `URI:`, `email:`, `IP Address:`); `.*` is any verified certificate.
 */
import type { PredicateFactory } from '../factory.ts'
import { fullMatch } from '../../regex/java-regex.ts'

export const clientCertificate: PredicateFactory = {
  name: 'ClientCertificate',
  fields: ['patterns'],
  gather: 'list',
  create (args) {
    const texts = args.list('patterns')
    if (texts.length === 0) throw args.fail('patterns are required')
    const patterns = texts.map(text => args.parsed('patterns', fullMatch, text))
    return {
      name: 'ClientCertificate',
      test (x) {
        const shown = x.clientCertificate
        return shown !== undefined && [shown.subject, ...shown.names].some(name => patterns.some(one => one.test(name)))
      },
      toString: () => `ClientCertificate: [${texts.join(', ')}]`
    }
  }
}
