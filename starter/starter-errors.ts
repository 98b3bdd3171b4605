/** Everything the starter itself can tell a user, in one table. Settings and the config client have their own. */
import { errorTable } from './errors.ts'

export const starterError = errorTable({
  E_USAGE: { text: '%s', next: 'Usage: [--port N] [--config FILE] [--profile NAME] [--some.setting=value].' },
  E_PORT_IN_USE: { text: '%s is taken%s.', next: 'Stop it, or set %s to another port (0 picks a free one).' },
  E_START: { text: '%s', next: 'Set LOGGING_LEVEL_ROOT=debug to see where it comes from.' },
  E_FILE_SYSTEM: {
    text: 'cannot %s %s: %s.',
    next: 'Look whether it exists, is what it should be, has room, and may be used by this user; or name another.'
  },
  E_KEY_STORE: { text: 'the key store cannot be used: %s.', next: 'Check the file, the password and the alias.' },
  E_TLS_UNUSED: {
    text: '%s is not used here, and TLS would be another than you think.',
    next: 'Use server.ssl.certificate with .certificate-private-key (PEM files), or server.ssl.key-store (PKCS12).'
  },
  E_TLS_FILES: {
    text: 'server.ssl.certificate, server.ssl.certificate-private-key and server.ssl.trust-certificate cannot be used together: %s.',
    next: 'They must be PEM, and the key the one that the certificate was made for.'
  },
  E_PACKAGE_MISSING: { text: '%s needs the package %s, which is not installed.', next: 'npm install %s' },
  E_STOP_DEADLINE: { text: 'did not stop within %s ms', next: 'Raise spring.lifecycle.timeout-per-shutdown-phase if requests take longer than that.' },
  E_ADDRESS: { text: 'cannot bind %s: %s.', next: 'Set server.address to an address of this machine (127.0.0.1, or 0.0.0.0 for all).' },

  E_NO_INSTANCE: { text: '0 of %s instances UP%s.', next: 'Start one, or see /actuator/health of the registry for who is registered.', status: 503, canRetry: true },
  E_BREAKER_OPEN: { text: 'breaker OPEN after %s.', next: 'Next try in %s ms; the calls before it are refused at once.', status: 503, canRetry: true },
  E_BULKHEAD_FULL: { text: '%s calls are in flight already.', next: 'Raise resilience4j.bulkhead.instances.%s.maxConcurrentCalls if the service can take more.', status: 503, canRetry: true },
  E_DEADLINE: { text: 'no answer within %s ms (%s).', next: 'Raise resilience4j.timelimiter.instances.%s.timeoutDuration if the call may take longer.', status: 504, canRetry: true },
  E_UPSTREAM: { text: '%s.', next: 'Tried %s.', status: 502, canRetry: true },
  E_BODY_TOO_LARGE: { text: 'the answer is larger than %s bytes.', next: 'Raise breakwater.client.max-body-size, or ask for less.', status: 502 },
  E_BODY_NOT_JSON: { text: 'the answer (%s) is no JSON: %s.', next: 'Use text() to look at it.', status: 502 },
  E_CLIENT_SETTING: { text: '"%s" cannot be used here.', next: 'Use %s.' },
  E_CLIENT_PATH: { text: '%s is no path.', next: 'Give the path within the service, starting with one "/".', status: 500 },

  E_UNAUTHENTICATED: { text: 'this needs a caller who is known.', next: 'Send credentials in the Authorization header, or a certificate.', status: 401 },
  E_FORBIDDEN: { text: 'this needs the role %s.', status: 403 },
  E_LOCAL_ONLY: { text: 'this answers to callers on the same machine only, and not through a proxy.', next: 'Set breakwater.security.mode to let others in.', status: 403 },
  E_LOCAL_ADMIN: { text: 'this needs the token of this machine.', next: 'Send what "breakwater token" prints as Bearer token or as password, or set breakwater.security.mode.', status: 401 },
  E_ADMIN_TOKEN: { text: 'the token in %s cannot be used (%s).', next: 'Name a file that only this user may read, or set breakwater.security.mode.', status: 403 },
  E_HOST: { text: '%s is no name of this server.', next: 'Add it to breakwater.security.hosts if it is one.', status: 403 },
  E_FOREIGN_PAGE: { text: 'a page of another origin asks for this.', next: 'Ask from a page of this server, or without a browser.', status: 403 },
  E_DESTINATION: { text: '%s is not connected to: %s.', next: '%s', status: 502 },
  E_NETWORK: { text: '"%s" is no network.', next: 'Write an address, or one with the number of its leading bits: 10.0.0.0/8.' },
  E_SECURITY_CHOICE: { text: 'bound to %s, and nobody said who may use it.', next: 'Set breakwater.security.mode to basic, bearer, mtls, or none (everyone who can reach it).' },
  E_SECURITY_MODE: { text: '"%s" is no security mode.', next: 'Use none, basic, bearer or mtls.' },
  E_SECURITY_USERS: { text: 'breakwater.security.mode is basic, and there are no users.', next: 'Set spring.security.user.name and spring.security.user.password.' },
  E_SECURITY_KEYS: { text: 'the keys that tokens are checked with cannot be had: %s.', next: 'See spring.security.oauth2.resourceserver.jwt.jwk-set-uri.', status: 503, canRetry: true },
  E_SECURITY_HOST: { text: 'keys would come from %s, which is not allowed.', next: 'Add %s to breakwater.security.allowed-hosts if it is yours.' },
  E_SECURITY_HTTP: { text: 'keys would come from %s without TLS.', next: 'Use an https URL.' },

  E_DISCOVERY_CLIENT: { text: '%s is no discovery client.', next: 'Use one of %s.' },
  E_TLS_CLIENT_AUTH: { text: '"%s" says nothing about certificates of clients.', next: 'Use none, want or need.' },
  E_FILE: { text: '%s cannot be read (%s).', next: 'Check the path and its permissions.' },
  E_DISCOVERY_URL: { text: '%s is no http(s) URL.', next: 'Write it like http://localhost:8761/eureka/.' },
  E_TRACE_URL: { text: '%s is no URL.', next: 'Write OTEL_EXPORTER_OTLP_ENDPOINT like http://localhost:4318.' }
})
