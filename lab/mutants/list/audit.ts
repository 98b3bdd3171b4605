/** Protections taken out of the product: the audit of its security must go red. */
import type { Mutant } from '../mutant.ts'

const audit = (theme: string, profile: 'local' | 'secured'): readonly string[] =>
  [`node lab/audit/main.ts --quick --profile ${profile} --theme ${theme}`]

export const AUDIT: readonly Mutant[] = [
  {
    id: 'audit-host',
    package: 'starter',
    breaks: 'a server that asks nobody answers to its own names only',
    file: 'starter/security/foreign.ts',
    from: 'return listed.some(one => matches(name, one))',
    to: 'return listed.length >= 0',
    seenBy: audit('names', 'local')
  },
  {
    id: 'audit-forwarded',
    package: 'starter',
    breaks: 'who comes through a proxy is not this machine',
    file: 'starter/security/foreign.ts',
    from: '|via|x-real-ip|',
    to: '|',
    seenBy: audit('names', 'local')
  },
  {
    id: 'audit-role',
    package: 'starter',
    breaks: 'who may look may not change',
    file: 'starter/security/authenticator.ts',
    from: 'foreignPage || !may(principal, role)',
    to: 'foreignPage || !may(principal, \'read\')',
    seenBy: audit('roles', 'secured')
  },
  {
    id: 'audit-bus-role',
    package: 'messaging',
    breaks: 'who may look at the bus may not send',
    file: 'messaging/bus/embedded/server.ts',
    from: 'request.method === \'HEAD\' ? \'read\' : \'write\'',
    to: 'request.method !== \'\' ? \'read\' : \'write\'',
    seenBy: audit('roles', 'secured')
  },
  {
    id: 'audit-denied',
    package: 'starter',
    breaks: 'nothing is sent to addresses of metadata, whoever registers them',
    file: 'starter/security/destinations.ts',
    from: 'if (this.#denied.has(address)) return',
    to: 'if (this.#denied.has(address) && port < 0) return',
    seenBy: audit('registration', 'local')
  },
  {
    id: 'audit-own-ports',
    package: 'starter',
    breaks: 'the gateway does not connect to itself',
    file: 'starter/security/destinations.ts',
    from: 'if (this.#isOwn(address, port)) {',
    to: 'if (this.#isOwn(address, port) && port < 0) {',
    seenBy: audit('registration', 'local')
  },
  {
    id: 'audit-both-framings',
    package: 'gateway',
    breaks: 'a request with both framings is refused',
    file: 'gateway/http1/request-head.ts',
    from: 'if (this.chunked && this.contentLength >= 0) return 400',
    to: 'if (this.chunked && this.contentLength >= 1e9) return 400',
    seenBy: audit('framing', 'local')
  },
  {
    id: 'audit-dots',
    package: 'gateway',
    breaks: 'dots with parameters are dots',
    file: 'gateway/http1/target.ts',
    from: 'after === SLASH || after === SEMICOLON) return true',
    to: 'after === SLASH) return true',
    seenBy: audit('targets', 'local')
  },
  {
    id: 'audit-underscores',
    package: 'gateway',
    breaks: 'names that look like ours behind an underscore are dropped',
    file: 'gateway/http1/underscores.ts',
    from: 'if (at < nameEnd && isOwned(',
    to: 'if (at > nameEnd && isOwned(',
    seenBy: audit('forwarded', 'local')
  },
  {
    id: 'audit-cache-key',
    package: 'gateway',
    breaks: 'an answer is kept by the credentials that it was given for',
    file: 'gateway/cache/cache-key.ts',
    from: 'x.clientCertificate?.hash, names.map(name => [name, x.headerValues(name)])])',
    to: 'x.clientCertificate?.hash, names])',
    seenBy: audit('cache', 'local')
  },
  {
    id: 'audit-interims',
    package: 'gateway',
    breaks: 'interim answers have an end',
    file: 'gateway/upstream/upstream-connection.ts',
    from: 'if (exchange.interimBytes > MAX_INTERIM_BYTES || ++exchange.interims > MAX_INTERIMS) {',
    to: 'if (exchange.interimBytes > MAX_INTERIM_BYTES * MAX_INTERIMS * 1e6) {',
    seenBy: audit('instances', 'local')
  },
  {
    id: 'audit-head-block',
    package: 'gateway',
    breaks: 'an HTTP/2 head that never ends is given up',
    file: 'gateway/http2/frame-watch.ts',
    from: 'if (this.blockSinceMs !== NEVER && exceeds(nowMs - this.blockSinceMs, headerTimeoutMs)) return true',
    to: 'if (this.blockSinceMs !== NEVER && exceeds(nowMs - this.blockSinceMs, headerTimeoutMs * 100)) return true',
    seenBy: audit('slow', 'local')
  },
  {
    id: 'audit-file-rules',
    package: 'config-server',
    breaks: 'rules hold for files, whatever URL leads to them',
    file: 'config-server/web/file-route.ts',
    from: 'parts.fileAccess(principal, ask, candidatesOf(checked, ask.profiles))',
    to: 'candidatesOf(checked, ask.profiles)',
    seenBy: audit('files', 'secured')
  },
  {
    id: 'audit-masks',
    package: 'starter',
    breaks: 'secrets within values are masked',
    file: 'starter/settings/secrets.ts',
    from: 'maskWithin(value, isSecretKey, MASK)',
    to: 'value',
    seenBy: audit('secrets', 'local')
  },
  {
    id: 'audit-request-timeout',
    package: 'discovery',
    breaks: 'a registration that never arrives whole is given up',
    file: 'discovery/http-server.ts',
    from: '    requestTimeout: REQUEST_TIMEOUT_MS,\n',
    to: '',
    seenBy: ['discovery/test/hostile.test.ts']
  }
]
