/**
 * No credential is told anywhere. Each process gets a marked one in every setting that takes one, meets servers that
 * fail in every way and then refuse connections, and everything that it wrote is searched.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { t } from 'tap'
import { NODE_COMPILE_CACHE } from '../../starter/test/support.ts'
import { HostileServer } from './hostile-server.ts'

const ROOT = join(import.meta.dirname, '../..')
const MARK = 'm4rked-5ecret-Value'
/** How long a process goes on after it asked its first question, and how long that may take. */
const RUN_MS = 8_000
const MAX_RUN_MS = 60_000
const REFUSED_MS = 2_500

interface Program {
  readonly title: string
  readonly main: string
  /** Given the hostile server's port and a folder. */
  readonly env: (port: number, folder: string) => Record<string, string>
  /** A credential that the hostile server must have been told, so that there was one to betray. */
  readonly told?: RegExp
}

const basic = (user: string): string => Buffer.from(`${user}:${MARK}`).toString('base64')

const PROGRAMS: readonly Program[] = [
  {
    title: 'a service with Consul, its key/value store and a config server',
    main: 'sample-services/users/main.ts',
    told: new RegExp(`x-consul-token: ${MARK}`, 'i'),
    env: port => ({
      PROFILE: 'consul', SPRING_CLOUD_CONSUL_PORT: String(port), SPRING_CLOUD_CONSUL_TOKEN: MARK,
      SPRING_CLOUD_CONSUL_HOST: '127.0.0.1', SPRING_CLOUD_CONSUL_CONFIG_ACL_TOKEN: MARK,
      SPRING_CONFIG_IMPORT: `optional:consul:,optional:configserver:http://user:${MARK}@127.0.0.1:${port}`,
      SPRING_CLOUD_CONFIG_TOKEN: MARK, BREAKWATER_BUS_URL: 'http://127.0.0.1:9', BREAKWATER_CONSUL_VERIFY_INTERVAL: '300ms'
    })
  },
  {
    title: 'a service with a registry by password, PostgreSQL and traces',
    main: 'sample-services/users/main.ts',
    told: new RegExp(basic('eureka')),
    env: port => ({
      EUREKA_CLIENT_SERVICEURL_DEFAULTZONE: `http://eureka:${MARK}@127.0.0.1:${port}/eureka/`,
      BREAKWATER_DISCOVERY_TOKEN: '', OTEL_EXPORTER_OTLP_ENDPOINT: `http://otel:${MARK}@127.0.0.1:${port}`,
      OTEL_EXPORTER_OTLP_HEADERS: `authorization=Bearer%20${MARK}`, BREAKWATER_BUS_URL: `http://127.0.0.1:${port}`
    })
  },
  {
    title: 'a service whose PostgreSQL fails',
    main: 'sample-services/orders/main.ts',
    env: port => ({ BREAKWATER_STORE_URL: `postgres://orders:${MARK}@127.0.0.1:${port}/orders?password=${MARK}`, EUREKA_CLIENT_ENABLED: 'false' })
  },
  {
    title: 'a service whose Redis fails',
    main: 'sample-services/inventory/main.ts',
    told: new RegExp(MARK),
    env: port => ({ BREAKWATER_STORE_URL: `redis://user:${MARK}@127.0.0.1:${port}/0`, EUREKA_CLIENT_ENABLED: 'false' })
  },
  {
    title: 'a service on SNS and SQS',
    main: 'sample-services/users/main.ts',
    env: port => ({
      BREAKWATER_BUS_URL: `aws://eu-central-1?endpoint=http://127.0.0.1:${port}`, AWS_ACCESS_KEY_ID: 'AKIAEXAMPLE',
      AWS_SECRET_ACCESS_KEY: MARK, AWS_SESSION_TOKEN: MARK, EUREKA_CLIENT_ENABLED: 'false'
    })
  },
  {
    title: 'a service that watches Kubernetes with a token',
    main: 'sample-services/users/main.ts',
    told: new RegExp(`bearer ${MARK}`, 'i'),
    env: (port, folder) => {
      const file = join(folder, 'kubeconfig')
      writeFileSync(file, JSON.stringify({
        apiVersion: 'v1', kind: 'Config', 'current-context': 'c', contexts: [{ name: 'c', context: { cluster: 'k', user: 'u' } }],
        clusters: [{ name: 'k', cluster: { server: `http://127.0.0.1:${port}`, 'insecure-skip-tls-verify': true } }], users: [{ name: 'u', user: { token: MARK } }]
      }))
      return {
        PROFILE: 'k8s', ALLOW_EMBEDDED: 'true', BREAKWATER_KUBERNETES_MODE: 'endpoints', BREAKWATER_KUBERNETES_KUBECONFIG: file,
        BREAKWATER_BUS_URL: 'http://127.0.0.1:9', MANAGEMENT_SERVER_PORT: '0', BREAKWATER_KUBERNETES_START_TIMEOUT: '100ms'
      }
    }
  },
  {
    title: 'a config server with git',
    main: 'config-server/main.ts',
    env: (port, folder) => configServer(folder, [
      { type: 'git', uri: `http://git:${MARK}@127.0.0.1:${port}/repo.git`, username: 'git', password: MARK }
    ])
  },
  {
    title: 'a config server with Vault',
    main: 'config-server/main.ts',
    told: new RegExp(`x-vault-token: ${MARK}`, 'i'),
    env: (port, folder) => configServer(folder, [{ type: 'vault', host: '127.0.0.1', port, token: MARK, authentication: 'TOKEN' }])
  },
  {
    title: 'a config server with Redis',
    main: 'config-server/main.ts',
    told: new RegExp(MARK),
    env: (port, folder) => configServer(folder, [{ type: 'redis' }], { 'spring.data.redis': { host: '127.0.0.1', port, password: MARK } })
  },
  {
    title: 'a gateway with Redis and a registry by password, whose key is none',
    main: 'gateway/main.ts',
    env: (port, folder) => {
      const key = join(folder, 'key.pem')
      writeFileSync(key, `-----BEGIN PRIVATE KEY-----\n${MARK}\n-----END PRIVATE KEY-----\n`)
      return {
        SPRING_APPLICATION_JSON: JSON.stringify({
          'eureka.client.service-url.defaultZone': `http://eureka:${MARK}@127.0.0.1:${port}/eureka/`,
          'spring.data.redis': { host: '127.0.0.1', port, password: MARK },
          'breakwater.gateway.upstream-tls': { certificate: key, 'private-key': key }
        })
      }
    }
  },
  {
    title: 'a registry with peers by password',
    main: 'discovery/main.ts',
    told: new RegExp(basic('peer')),
    env: port => ({ EUREKA_CLIENT_SERVICEURL_DEFAULTZONE: `http://peer:${MARK}@127.0.0.1:${port}/eureka/` })
  }
]

function configServer (folder: string, composite: object[], more: object = {}): Record<string, string> {
  return {
    SPRING_PROFILES_ACTIVE: 'composite', EUREKA_CLIENT_ENABLED: 'false', SPRING_CLOUD_CONFIG_SERVER_GIT_BASEDIR: join(folder, 'git'),
    SPRING_APPLICATION_JSON: JSON.stringify({ 'spring.cloud.config.server.composite': composite, ...more })
  }
}

/** Runs a program until all was answered wrongly, starting it again when it ends, and gives back what it wrote. */
async function writtenBy (program: Program, server: HostileServer, folder: string): Promise<string> {
  const written: string[] = []
  const startedAt = performance.now()
  const isOverdue = (): boolean => performance.now() > Math.min(server.firstAskedAt + RUN_MS, startedAt + MAX_RUN_MS)
  const env = { NODE_COMPILE_CACHE, PATH: process.env['PATH'] ?? '', BREAKWATER_DATA_DIR: folder, ...program.env(server.port, folder) }
  for (let runs = 0; runs < 3 && !isOverdue() && !server.done; runs++) {
    const child = spawn(process.execPath, [join(ROOT, program.main), '--port', '0', '--logging.level.root=trace'],
      { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] })
    const exited = once(child, 'exit')
    child.stdout?.on('data', (bytes: Buffer) => written.push(bytes.toString()))
    child.stderr?.on('data', (bytes: Buffer) => written.push(bytes.toString()))
    let url = ''
    child.on('message', (message: { url?: string, management?: string }) => { url = message.management ?? message.url ?? url })
    const isOver = exited.then(() => true)
    while (!isOverdue() && !server.done) {
      if (await Promise.race([isOver, sleep(200, false)])) break
      // What a config server reads its store for.
      if (url !== '') written.push(await ask(url, '/users/default'))
    }
    server.close()
    await Promise.race([isOver, sleep(REFUSED_MS)])
    if (url !== '') written.push(...await pages(url))
    child.kill('SIGTERM')
    const timer = setTimeout(() => child.kill('SIGKILL'), 10_000)
    await exited
    clearTimeout(timer)
  }
  return written.join('\n')
}

async function pages (url: string): Promise<string[]> {
  const paths = ['/actuator/env', '/actuator/health', '/actuator/prometheus', '/actuator/info', '/actuator/configprops']
  return await Promise.all(paths.map(path => ask(url, path)))
}

async function ask (url: string, path: string): Promise<string> {
  return await fetch(new URL(path, url), { signal: AbortSignal.timeout(5_000) }).then(async answer => await answer.text(), () => '')
}

/** Files that the process made; those that the test gave it hold the mark themselves. */
function filesOf (folder: string): string {
  const given = new Set(['kubeconfig', 'key.pem'])
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(name => !given.has(name)).map(name => join(folder, name))
    .filter(path => statSync(path).isFile()).map(path => readFileSync(path, 'latin1')).join('\n')
}

t.jobs = 3
for (const program of PROGRAMS) {
  t.test(`${program.title} tells no credential`, { timeout: 120_000, buffered: true }, async t => {
    const folder = t.testdir()
    const server = await HostileServer.listen()
    const written = await writtenBy(program, server, folder)
    if (program.told !== undefined) t.match(server.heard, program.told, 'the credential was used')
    t.comment(server.kinds.join(' '))
    t.not(written, '', 'it wrote something')
    const everything = `${written}\n${filesOf(folder)}`
    for (const form of [MARK, encodeURIComponent(MARK), ...['user', 'eureka', 'peer', 'git', 'otel'].map(basic)]) {
      const at = everything.indexOf(form)
      t.equal(at, -1, `${form} is in: ${at === -1 ? '' : everything.slice(Math.max(0, at - 300), at + 60)}`)
    }
  })
}
