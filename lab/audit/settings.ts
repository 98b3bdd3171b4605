/** How the audit's own stack is set up: what each process is told, and the files that the config server serves. */
import type { Profile } from './attack.ts'
import type { TlsInstances } from './certificates.ts'

/** In each credential and secret of the stack, so that whatever betrays one is found by it. */
export const MARK = 'm4rked-5ecret'

/** Users of every server in the secured profile. `app` may read the configuration of one application. */
export const USERS = { app: 'read', reader: 'read', writer: 'write', root: 'admin' } as const
export type User = keyof typeof USERS
export const passwordOf = (user: string): string => `${MARK}-${user}`

export const API_KEYS = { alice: `${MARK}-alice-key`, bob: `${MARK}-bob-key` } as const

/** Short, so that a slow client need not be waited for longer than a few seconds. */
export const TIMEOUT_MS = 2_000

export interface Wiring {
  readonly profile: Profile
  readonly folder: string
  readonly witness: number
  readonly tls: Pick<TlsInstances, 'ports' | 'trusted'>
  readonly url: (name: string) => string
}

/** An address with credentials where the profile asks for some. */
function credited ({ profile, url }: Wiring, name: string): string {
  return profile === 'secured' ? url(name).replace('//', `//writer:${passwordOf('writer')}@`) : url(name)
}

const SECURITY = {
  mode: 'basic',
  users: Object.entries(USERS).map(([name, roles]) => ({ name, password: passwordOf(name), roles }))
}

/** Secrets under harmless names, which only their shape gives away, where values are shown. */
const SHAPES = {
  audit: {
    jdbc: `jdbc:postgresql://h/db?user=u&password=${MARK}-jdbc`,
    pairs: `Endpoint=x;AccountKey=${MARK}-pairs;`,
    uri: `mongodb://u:pa/ss${MARK}-uri@h/db`,
    header: `Authorization: Bearer ${MARK}-header`,
    line: `run --password ${MARK}-line --verbose`,
    list: [{ token: `${MARK}-list` }]
  },
  'management.endpoint.env.show-values': 'secrets-masked'
}

function common ({ profile, folder }: Wiring): object {
  const security = { 'admin-token-file': `${folder}/admin-token`, ...profile === 'secured' ? SECURITY : {} }
  return {
    'breakwater.security': { ...security, 'loopback-instances': true }, 'breakwater.data.dir': `${folder}/data`,
    'logging.level.root': 'info', 'server.accesslog.enabled': true, ...SHAPES
  }
}

function eureka (wiring: Wiring): object {
  return { 'eureka.client': { 'service-url': { defaultZone: `${credited(wiring, 'registry')}/eureka/` },
    'registry-fetch-interval-seconds': 1 } }
}

const route = (witness: number, id: string, path: string, filters: readonly string[] = [], more: object = {}) =>
  ({ id, uri: `http://127.0.0.1:${witness}`, predicates: [`Path=${path}`], filters, ...more })

function gateway (wiring: Wiring): object {
  const { witness, tls } = wiring
  return {
    ...common(wiring), ...eureka(wiring), 'management.server.port': 0, 'server.http2.enabled': true,
    'spring.cloud.gateway': {
      'discovery.locator': { enabled: true },
      'globalcors.cors-configurations': { '[/cors/**]': { 'allowed-origins': 'https://shop.example', 'allow-credentials': true } },
      'filter.request-header-to-request-uri.enabled': true,
      'httpclient.ssl.trusted-x509-certificates': tls.trusted,
      routes: [
        route(witness, 'admin', '/admin/**', ['Authenticate=api-key']),
        route(witness, 'cached', '/cached/**', ['Authenticate=api-key', 'LocalResponseCache=5m,1MB']),
        route(witness, 'shared', '/shared/**', ['LocalResponseCache=5m,1MB']),
        route(witness, 'filtered', '/filtered/**', ['RemoveJsonAttributesResponseBody=secret,true', 'SecureHeaders',
          'RewriteResponseHeader=Content-Type, json, json']),
        route(witness, 'chosen', '/chosen/**', ['RequestHeaderToRequestUri=X-To']),
        route(witness, 'segments', '/s/{name}-{version}-{arch}.zip'),
        route(witness, 'wild', '/m/**/b/**/c/**/d'),
        { ...route(witness, 'expression', '/e/**'), predicates: ['Path=/e/**', 'Header=X-E, (a+)+b'] },
        route(witness, 'rewritten', '/r/**', ['RewritePath=/r/(?<a>(x+x+)+)y, /q/$\\{a}']),
        ...[...tls.ports].map(([kind, port]) => ({ id: kind, uri: `https://localhost:${port}`, predicates: [`Path=/tls/${kind}/**`] })),
        route(witness, 'rest', '/**', [], { order: 1_000_000 })
      ]
    },
    'breakwater.gateway': {
      workers: 1, 'header-timeout': `${TIMEOUT_MS}ms`, 'keep-alive-timeout': '4s', 'body-timeout': `${TIMEOUT_MS}ms`,
      'write-timeout': `${TIMEOUT_MS}ms`, 'max-request-size': 1024 * 1024, 'access-log.enabled': true,
      ...wiring.profile === 'secured' ? { 'reject-encoded-slash': true } : {},
      'security.api-keys': Object.entries(API_KEYS).map(([name, key]) => ({ name, key }))
    }
  }
}

const ACCESS = [
  { principals: 'app', applications: 'orders', profiles: ['dev', 'default'], labels: ['', 'main'], actions: ['read', 'watch', 'inspect'] },
  { principals: ['reader', 'writer'], applications: ['users', 'orders'], profiles: '*', labels: ['', 'main'], actions: ['read', 'watch', 'inspect'] }
]

function config (wiring: Wiring): object {
  const { folder, profile } = wiring
  return {
    ...common(wiring), 'spring.profiles.active': 'native', 'eureka.client.enabled': false, 'encrypt.key': `${MARK}-encrypt`,
    'spring.cloud.config.server.native.search-locations': `file:${folder}/configuration/`,
    ...profile === 'secured' ? { 'breakwater.config-server.access': ACCESS } : {}
  }
}

const service = (wiring: Wiring): object =>
  ({ ...common(wiring), ...eureka(wiring), 'breakwater.bus.url': credited(wiring, 'bus') })

interface Program {
  readonly name: string
  readonly script: string
  readonly settings: (wiring: Wiring) => object
}

/** In the order in which they need each other. */
export const PROGRAMS: readonly Program[] = [
  { name: 'registry', script: 'discovery/main.ts', settings: common },
  { name: 'bus', script: 'messaging/main.ts', settings: common },
  { name: 'config', script: 'config-server/main.ts', settings: config },
  { name: 'users', script: 'sample-services/users/main.ts', settings: service },
  { name: 'orders', script: 'sample-services/orders/main.ts', settings: service },
  { name: 'gateway', script: 'gateway/main.ts', settings: gateway }
]

/** What is hidden from `app`: each of its files says HIDDEN. */
export const CONFIGURATION: Readonly<Record<string, string>> = {
  'application.yml': 'shared: 1\n',
  'application-prod.yml': 'pw: HIDDEN-application-prod\n',
  'orders.yml': 'a: 1\n',
  'orders-dev.yml': 'd: 1\n',
  'orders-prod.yml': 'pw: HIDDEN-orders-prod\n',
  'orders-prod.properties': 'pw=HIDDEN-orders-prod\n',
  'payments.yml': 'pw: HIDDEN-payments\n',
  'payments.xml': '<properties><entry key="pw">HIDDEN-payments</entry></properties>\n',
  'payments/orders.yml': 'pw: HIDDEN-nested\n',
  'keys/store.p12': 'HIDDEN-store\n',
  'main/orders.yml': 'a: 2\n',
  'release/orders.yml': 'pw: HIDDEN-release\n',
  '../outside.yml': 'pw: HIDDEN-outside\n'
}
