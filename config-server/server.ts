/**
 * The config server, put together: back end, road, HTTP. `createConfigServer` is what tests, the command line and
 * `main.ts` start.
 */
import type { AddressInfo } from 'node:net'
import { type Server as TlsServer } from 'node:tls'
import type { FastifyInstance } from 'fastify'
import { actuator, type Authorize } from '@breakwater/starter/actuator'
import { managementPort } from '@breakwater/starter/http'
import type { DiscoveryClient } from '@breakwater/starter/discovery'
import { createLogger, type Logger } from '@breakwater/starter/logger'
import {
  createAuthenticator, followServerTls, guardDoor, readDestinations, readServerTls, type Authenticator, type ServerTls
} from '@breakwater/starter/security'
import { Settings } from '@breakwater/starter/settings'
import { createBackend } from './backends/create-backend.ts'
import { decryptEnvironment } from './encryption/decrypt-environment.ts'
import { decryptFile } from './encryption/decrypt-file.ts'
import { fillReferences } from './encryption/fill-references.ts'
import { createKeyRing, type KeyRing } from './encryption/key-ring.ts'
import { EnvironmentRoad, type Decrypt } from './environment.ts'
import { createHealth } from './health.ts'
import { DEFAULTS, type ConfigServerOptions } from './options.ts'
import { startPush, type Push } from './push/push.ts'
import { Readers } from './push/readers.ts'
import { fillText } from './render/render.ts'
import type { SafeBackend } from './safety/safe-backend.ts'
import { Schemas } from './safety/schema.ts'
import { THREAD_LIMITS } from './safety/schema-thread.ts'
import { createAccess, createFileAccess } from './web/access.ts'
import { createAudit } from './web/audit.ts'
import { encryptionRoutes } from './web/encryption-routes.ts'
import { environmentRoutes } from './web/environment-routes.ts'
import { createFileRoute } from './web/file-route.ts'
import { operatorRoutes } from './web/operator-routes.ts'
import { monitorRoute } from './web/monitor-route.ts'
import { watchRoutes } from './web/watch-routes.ts'
import { createHttp, useConfigServerWire } from './web/server.ts'

/** A started config server. */
export interface ConfigServer {
  readonly url: string
  /** Where its actuator answers when that is another port. */
  readonly management?: string
  /** What it is bound to. */
  readonly address: AddressInfo
  /** Whether clients come by https. */
  readonly secure: boolean
  stop (): Promise<void>
}

export interface ConfigServerContext {
  /** Default: a logger that only tells of warnings. */
  readonly log?: Logger
  /** Who may call, the certificates, and what /actuator/env shows. Default: none. */
  readonly settings?: Settings
  /** Finds the applications to refresh. Default: none are. */
  readonly discovery?: DiscoveryClient | undefined
  /** The process's environment, of which git gets PATH, HOME and the ssh agent. Default: none. */
  readonly environment?: Readonly<Record<string, string | undefined>>
}

/** What the parts of a running server share. */
interface Parts {
  readonly options: ConfigServerOptions
  readonly settings: Settings
  readonly log: Logger
  readonly backend: SafeBackend
  readonly keys: KeyRing
  readonly auth: Authenticator
  readonly tls: ServerTls | undefined
  readonly road: EnvironmentRoad
  readonly push: Push
}

/**
 * Starts a config server and resolves once it answers.
 * @example
 * const server = await createConfigServer({ port: 0, backends: [{ type: 'native', native: { ...NATIVE_DEFAULTS } }] })
 */
export async function createConfigServer (
  given: Partial<ConfigServerOptions>, context: ConfigServerContext = {}
): Promise<ConfigServer> {
  const parts = await createParts({ ...DEFAULTS, ...given }, context)
  const app = createHttp(parts.log, parts.tls)
  followCertificates(app, parts)
  try {
    await parts.backend.start()
    await registerAll(app, parts)
    const manage = managementPort(app, parts.settings, parts.auth.door.hosts)
    const url = await app.listen({ host: parts.options.host, port: parts.options.port })
    const managed = await manage(parts.options.host)
    const address = app.server.address() as AddressInfo
    return { url, ...managed, address, secure: parts.tls !== undefined, stop: async () => stop(app, parts) }
  } catch (failure) {
    await stop(app, parts)
    throw failure
  }
}

// Not an error: many repositories have no ciphers. Silence would leave those who have them with `invalid.` keys only.
const NO_KEY = 'there is no key to decrypt with: {cipher} values will be invalid. Set encrypt.key, or ' +
  'spring.cloud.config.server.encrypt.enabled: false where the clients decrypt'

async function createParts (options: ConfigServerOptions, context: ConfigServerContext): Promise<Parts> {
  const log = context.log ?? createLogger({ name: 'config-server', level: 'warn' })
  const settings = context.settings ?? new Settings({ profiles: ['default'], sources: [], warnings: [] })
  const tls = readServerTls(settings)
  const auth = await createAuthenticator(settings, log)
  const keys = await createKeyRing(options.encrypt)
  if (options.decrypt && !keys.installed) log.warn(NO_KEY)
  const backend = await createBackend({ options, log, environment: context.environment ?? {} })
  const road = createRoad(options, backend, keys, log)
  const push = startPush({
    road,
    backend,
    log,
    discovery: context.discovery,
    refresh: options.refreshClients,
    destinations: readDestinations(settings),
    maxWatchers: options.maxWatchers,
    pollMs: options.watchPollMs
  })
  return { options, settings, log, auth, tls, keys, backend, road, push }
}

function followCertificates (app: FastifyInstance, { tls, settings, log }: Parts): void {
  if (tls === undefined) return
  const unfollow = followServerTls(app.server as unknown as TlsServer, settings, log)
  app.addHook('onClose', async () => unfollow())
}

// New requests end first, then what they wait for, then what they read from.
async function stop (app: FastifyInstance, { backend, push }: Parts): Promise<void> {
  await app.close()
  await push.stop()
  await backend.stop()
}

async function registerAll (app: FastifyInstance, parts: Parts): Promise<void> {
  const { options, settings, log, auth, backend } = parts
  guardDoor(app, auth.door)
  const health = new Map(options.health.enabled
    ? [['configServer', createHealth(backend, options.health, () => performance.now())]]
    : [])
  const authorize: Authorize = async (request, role) => { await auth.check(request, role) }
  await app.register(actuator, { settings, log, health, authorize, metrics: () => backend.metrics })
  await app.register(async scope => registerRoutes(scope, parts))
}

/** Schemas that wait to be tried out before a commit. */
const MAX_TRIALS = 20

function registerRoutes (scope: FastifyInstance, { options, auth, backend, keys, log, road, push }: Parts): void {
  useConfigServerWire(scope, {
    challenge: auth.mode === 'bearer' ? 'Bearer' : 'Basic realm="config-server"',
    unreachableStatus: options.unreachableStatus
  })
  const access = createAccess(auth, options.access)
  const audit = createAudit(log)
  const readers = new Readers()
  // A thread of its own: who tries out schemas holds up nobody who is served.
  const schemas = new Schemas({ ...THREAD_LIMITS, maxWaiting: MAX_TRIALS })
  scope.addHook('onClose', async () => schemas.stop())
  const shared = { ...options, access, audit, road, keys, log, backend, readers }
  encryptionRoutes(scope, shared)
  watchRoutes(scope, { ...shared, ...push })
  operatorRoutes(scope, { ...shared, ...push, schemas })
  monitorRoute(scope, { ...shared, refresh: async () => backend.refresh?.() })
  const files = createFileRoute({
    ...shared,
    find: async (ask, candidates, asker) => backend.resource(ask, candidates, asker),
    fileAccess: createFileAccess(options.access),
    decrypt: async (text, file) => options.decrypt && options.decryptFiles ? decryptFile(text, file, keys) : text,
    fill: async (text, ask, asker) => text.includes('${') ? fillText(text, await road.environment(ask, asker)) : text
  })
  environmentRoutes(scope, { ...shared, files })
}

function createRoad (options: ConfigServerOptions, backend: SafeBackend, keys: KeyRing, log: Logger): EnvironmentRoad {
  const replaceOptions = {
    prefixInvalid: options.prefixInvalid,
    onFailure: (source: string, key: string) => log.warn({ source, key }, 'a secret cannot be had')
  }
  const decrypt: Decrypt = async (found, asker) => {
    const plain = options.decrypt ? await decryptEnvironment(found, keys, replaceOptions) : found
    const { secrets } = backend
    return secrets === undefined ? plain : fillReferences(plain, secrets, asker, replaceOptions)
  }
  return new EnvironmentRoad({ ...options, backend, decrypt, cacheBytes: options.answerCacheBytes })
}
