/**
 * Files of applications that people have published, each distilled to its shape: `public-files/` has the same keys,
 * spellings and oddities with other names. Each starts as in Spring, or ends with what its owner can act upon.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { createLogger } from '@breakwater/starter/logger'
import { loadSettings } from '@breakwater/starter/settings'
import { startGateway, type RunningGateway } from '../start.ts'
import { TestDiscovery } from './harness.ts'

const FOLDER = join(import.meta.dirname, 'public-files')

interface Expected {
  /** Each as `id uri | predicates | filters`, default filters first; or how the start ends. */
  readonly routes: readonly string[] | RegExp
  /** Warnings that must be there, and no others of the gateway's. */
  readonly warnings?: readonly RegExp[]
  readonly profiles?: string
}

const OWN = (line: number, name: string) => `:${line}: Unable to find GatewayFilterFactory with name ${name}\\. .* becomes a plugin`
const NO_ROUTE = /^there is no route, .* spring\.cloud\.gateway\.server\.webflux\.routes/
const ZIPKIN = /^management\.zipkin\.tracing\.endpoint .* has no effect: spans go to/

const EXPECTED: Readonly<Record<string, Expected>> = {
  '01-profiles-replace-routes': { routes: ['north lb://north | Path | StripPrefix', 'south lb://south | Path | StripPrefix'] },
  '02-optional-group-in-rewrite': { routes: ['login http://localhost:8081 | Path | RewritePath', 'purse http://localhost:8083 | Path | RewritePath'] },
  '03-limiter-without-key': {
    routes: ['walk http://localhost:8081 | Path | ', 'find http://localhost:8082 | Path | RequestRateLimiter'], warnings: [ZIPKIN]
  },
  '04-new-prefix': { routes: ['login-and-baskets http://localhost:8081 | Path | ', 'stock http://localhost:8082 | Path | '] },
  '05-unset-variable-elsewhere': {
    routes: ['readers lb://readers | Path | RewritePath', 'parcels lb://parcels | Path | RewritePath'], warnings: [ZIPKIN]
  },
  '06-query-routes': { routes: ['one_host https://www.example.com | Query | ', 'other_host https://www.example.org | Query | ',
    'partner_route lb://partner | Path | RewritePath'] },
  '07-zone-without-slash': { routes: ['readers lb://reader | Path | '] },
  '08-store-in-the-classpath': { routes: /^E_GATEWAY_CERTIFICATE .*08-.*:6: classpath:edge\.p12 cannot be read \(there is no class path here: name a file\)/ },
  '09-timeouts-and-ports': { routes: ['sample http://localhost:8082 | Path | StripPrefix'] },
  '10-all-from-the-config-server': { routes: [], warnings: [NO_ROUTE] },
  '11-servlet-gateway': {
    routes: [], warnings: [/11-.*:10: spring\.cloud\.gateway\.server\.webmvc\.\* is for Spring's gateway on servlets/, NO_ROUTE]
  },
  '12-filter-of-its-own': { routes: new RegExp(`${OWN(28, 'OwnLoginFilter')}[^]*${OWN(34, 'OwnLoginFilter')}`) },
  '13-resource-server': { routes: ['login lb://login | Path | ', 'payments lb://payments | Path | '] },
  '14-everything-to-one': { routes: ['all http://books:8082 | Path | '] },
  '15-own-default-filter': { routes: new RegExp(`${OWN(18, 'OwnFirstFilter')}[^]*${OWN(29, 'OwnSecondFilter')}[^]*${OWN(30, 'OwnThirdFilter')}`) },
  '16-server-twice': { routes: /^E_CONFIG_YAML .*16-.*:38:1: duplicate key "server"/ },
  '17-breakers-by-base': {
    routes: ['accounts lb://ACCOUNTS | Path | ', 'payments lb://PAYMENTS | Path | '],
    warnings: [/registerHealthIndicator .* has no effect/, /eventConsumerBufferSize .* has no effect/]
  },
  '18-paths-without-blanks': { routes: ['rates http://rates:8080 | Path | '] },
  '19-locator-off': { routes: ['events lb://events | Path | ', 'straight http://localhost:8081 | Path | StripPrefix'] },
  '20-camel-case': { routes: ['talks lb://TALKS | Path | StripPrefix', 'notes lb://NOTES | Path | StripPrefix'] },
  '21-sentinel-and-nacos': { routes: ['papers lb://papers | Path | StripPrefix'] },
  '22-login-by-own-filter': { routes: new RegExp(`${OWN(29, 'OwnTokenFilter')}[^]*${OWN(36, 'OwnTokenFilter')}`) },
  '23-breaker-and-retry-for-all': {
    routes: ['north lb://north | Path | CircuitBreaker, Retry, StripPrefix', 'talk lb://talk | Path | CircuitBreaker, Retry, StripPrefix, CircuitBreaker'],
    warnings: [/23-.*:32: CircuitBreaker takes name; without effect: fallbackUri=/]
  },
  '24-misspelled-cors': { routes: /^E_GATEWAY_KEY .*"allowedMlethods" is no setting here\. Did you mean "allowedMethods"\?/ },
  '25-no-name': { routes: ['answers http://localhost:8081 | Path | ', 'questions-with-options http://localhost:8084 | Path | ',
    'login http://localhost:8080 | Path | '] },
  '26-least': { routes: ['books http://localhost:8765 | Path | '] },
  '27-descriptions-beside-routes': { routes: ['books http://localhost:8082 | Path | ', 'books-docs http://localhost:8082 | Path | RewritePath'] },
  '28-issuer-with-a-variable': { routes: ['reports lb://reports | Path | ', 'alarms lb://alarms | Path | '] },
  '29-own-filter-after-another': { routes: new RegExp(OWN(30, 'OwnTokenCheck')) },
  '30-strip-nothing': { routes: ['readers lb://readers | Path | ', 'letters lb://letters | Path | StripPrefix'] },
  '31-underscores': { routes: ['books_route http://books:8080 | Path | ', 'find_route http://books:8080 | Path | ', 'advice_route http://advice:5000 | Path | '] },
  '32-routes-from-elsewhere': { routes: [], warnings: [NO_ROUTE] },
  '33-zuul': { routes: [], warnings: [/^zuul\.routes\.rooms\.path .* has no effect/, /^zuul\.routes\.readers\.path .* has no effect/, NO_ROUTE] },
  '34-dots-in-keys': { routes: [], warnings: [NO_ROUTE] }
}
const PROFILES: Readonly<Record<string, Expected>> = {
  '01-profiles-replace-routes': { profiles: 'workbench', routes: ['page http://localhost:3000 | Path | '] },
  '16-server-twice': { profiles: 'local', routes: /^E_CONFIG_YAML/ }
}

/** As its process does: settings from the file, ports that are free, and nobody registered yet. */
async function start (t: Test, name: string, profiles = ''): Promise<{ running: RunningGateway, warnings: string[] }> {
  const lines: string[] = []
  const log = createLogger({ name: 'gateway', level: 'info', destination: { write: line => { lines.push(line) } } })
  const settings = await loadSettings({
    name: 'gateway', file: join(FOLDER, `${name}.yml`), env: {
      SERVER_PORT: '0', MANAGEMENT_SERVER_PORT: '0', BREAKWATER_GATEWAY_WORKERS: '0', EUREKA_CLIENT_REGISTERWITHEUREKA: 'false',
      ...profiles === '' ? {} : { SPRING_PROFILES_ACTIVE: profiles }
    }
  })
  const running = await startGateway({ settings, log, discovery: new TestDiscovery() })
  t.teardown(async () => {
    await running.stop()
    settings.close()
  })
  const told = lines.map(line => JSON.parse(line) as { level: number | string, msg?: string, message?: string })
  const warnings = told.filter(({ level }) => level === 'WARN' || level === 'warn' || level === 40).map(({ msg, message }) => msg ?? message ?? '')
  return { running, warnings }
}

function shapes ({ control }: RunningGateway): string[] {
  const defaults = control.configuration.defaultFilters.map(({ name }) => name)
  return control.table.routes.map(({ definition: { id, uri, predicates, filters } }) =>
    `${id} ${uri} | ${predicates.map(({ name }) => name).join(', ')} | ${[...defaults, ...filters.map(({ name }) => name)].join(', ')}`)
}

for (const [name, { routes, warnings = [], profiles }] of [...Object.entries(EXPECTED), ...Object.entries(PROFILES)]) {
  t.test(`${name}${profiles === undefined ? '' : ` (${profiles})`}`, async t => {
    if (routes instanceof RegExp) return t.match(await start(t, name, profiles).then(() => 'it started', String).then(text => text.replace(/^AggregateError: /, '')), routes)
    const started = await start(t, name, profiles)
    t.strictSame(shapes(started.running), routes)
    t.equal(started.warnings.length, warnings.length, started.warnings.join('\n'))
    for (const [at, warning] of warnings.entries()) t.match(started.warnings[at], warning)
  })
}

t.test('each file is started, and says where its shape was seen', async t => {
  const files = readdirSync(FOLDER).map(file => file.replace(/\.yml$/, '')).toSorted()
  t.strictSame(files, Object.keys(EXPECTED).toSorted())
  t.ok(files.length >= 30)
  for (const file of files) t.match(readFileSync(join(FOLDER, `${file}.yml`), 'utf8'), /^# Seen in [\w.-]+\/[\w.-]+: .+\.$/m, file)
})
