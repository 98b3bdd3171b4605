import { randomBytes, randomInt } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import type { Server as TlsServer } from 'node:tls'
import type { AddressInfo } from 'node:net'
import type { Authenticator, RequestMetrics } from '@breakwater/starter'
import { Destinations } from '@breakwater/starter/security'
import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import type { Backend } from './backends/backend.ts'
import { BookView } from './backends/book-view.ts'
import { WriteThrough } from './backends/write-through.ts'
import { callCheck } from './checks/check-http.ts'
import type { CheckOptions } from './checks/check-options.ts'
import { Checker } from './checks/checker.ts'
import { Payloads } from './eureka/payloads.ts'
import { createHttpServer, urlOf } from './http-server.ts'
import { readOptions, type DiscoveryOptions } from './options.ts'
import { afterReal } from './peers/calling.ts'
import { otherPeers, parseUrl, type OwnNames } from './peers/own-url.ts'
import { PeerHttp, type PeerTls } from './peers/peer-http.ts'
import { Peers, type PeersOptions } from './peers/peers.ts'
import { RemoteRegion } from './regions/remote-region.ts'
import { Regions } from './regions/regions.ts'
import { Registry } from './registry.ts'
import type { Instance } from './registry/instance.ts'
import { Book } from './registry/book.ts'
import type { BookRules } from './registry/rules.ts'
import { StartWindow } from './registry/start-window.ts'
import { SnapshotKeeper, type KeeperOptions } from './snapshot/keeper.ts'
import { Hub } from './stream/hub.ts'

const PING_MS = 15_000
const CHECK_TICK_MS = 500
const STALL_MS = 30_000
const STATUS_KEEP_MS = 600_000
const KEEP_REMOVED_MS = 600_000
/** A registry that was away for longer than this may bring back what was taken out meanwhile. */
const KEEP_REMOVALS_MS = 24 * 3_600_000
const COMPARE_MS = 1000

type OwnTls = () => PeerTls | undefined

/** What a registry is made from besides its options. */
export interface DiscoveryContext {
  readonly log?: Logger | undefined
  /** Milliseconds since 1970; tests hand in their own. */
  readonly now?: () => number
  /** Who may do what; undefined: everyone everything. */
  readonly auth?: Authenticator | undefined
  /** Where requests are counted; undefined: nowhere. */
  readonly requests?: RequestMetrics | undefined
  /** Where the book is kept besides this process; undefined: nowhere. */
  readonly backend?: Backend | undefined
}

/** A running registry. */
export interface Discovery {
  /** `http://127.0.0.1:8761` */
  readonly url: string
  /** The server itself, to add routes to before `start`. */
  readonly server: FastifyInstance
  readonly registry: Registry
  readonly peers: Peers
  readonly regions: Regions
  /** Makes these the peers, as far as they are not this registry itself. */
  usePeers (urls: readonly string[]): Promise<void>
  /** Of a registry that speaks HTTPS: shows these on connections made from now on, to clients and to peers. */
  useTls (certificates: PeerTls): void
  /** Loads the snapshot, asks the peers, listens. */
  start (): Promise<void>
  /** Ends the streams and the connections, tells the peers a last time, writes the snapshot. */
  stop (): Promise<void>
}

/**
 * A registry that listens once it is started.
 * @example
 * const discovery = createDiscovery({ port: 0 })
 * await discovery.start()
 * await fetch(`${discovery.url}/eureka/apps`, { headers: { accept: 'application/json' } })
 */
export function createDiscovery (given: Partial<DiscoveryOptions> = {}, context: DiscoveryContext = {}): Discovery {
  const options = readOptions(given)
  const { log, now = Date.now, backend } = context
  const epoch = randomBytes(6).toString('hex')
  const rules = bookRules(options, now, epoch)
  const registry = createRegistry(rules, options)
  let certificates: PeerTls | undefined = options.tls
  const tls = () => certificates
  const peers = createPeers(registry, options, tls, { now, log })
  const destinations = new Destinations(options.destinations)
  const call = (check: CheckOptions, instance: Instance) => callCheck(check, instance, destinations)
  const checker = options.checks ? new Checker(registry, { now, log, call }) : undefined
  const { auth, requests } = context
  const regions = createRegions(registry, rules, options, { tls, log })
  const window = new StartWindow(now)
  const server = createHttpServer({ registry, regions, window, peers, options, now, log, auth, checker, requests })
  const view = new BookView(registry.book)
  const writeThrough = createWriteThrough(registry, backend, log)
  const keeper = createKeeper(registry.book, options, { epoch, now, log })
  let sweeper: NodeJS.Timeout | undefined
  let checking: NodeJS.Timeout | undefined
  let stopped: Promise<void> | undefined
  // Whoever gives or takes news goes first, so that the snapshot is the last word.
  const stopAll = async (): Promise<void> => {
    clearInterval(sweeper)
    clearInterval(checking)
    registry.hub.stop()
    await server.close()
    regions.stop()
    await peers.stop()
    writeThrough?.stop()
    await backend?.stop()
    await keeper?.stop()
  }
  const discovery: Discovery = {
    get url () { return urlOf(server) },
    server,
    registry,
    peers,
    regions,
    async start () {
      await keeper?.start()
      // What a snapshot holds was written down when it happened.
      if (log !== undefined) registry.auditTo(line => log.info(line, 'registry changed'))
      registry.hub.start(keeper?.epoch ?? epoch)
      await discovery.usePeers(options.peerUrls)
      // Before listening: whoever asks first shall get what is known already.
      const join = peers.join(options.syncRetries, options.syncRetryMs, () => window.open())
      await Promise.all([join, regions.start()])
      await backend?.start(view)
      if (options.openForTrafficCount === 0 && registry.book.size === 0) window.close(options.waitWhenEmptyMs)
      await server.listen({ host: options.host, port: options.port })
      destinations.keepFrom([server.server.address() as AddressInfo])
      sweeper = setInterval(() => sweep(registry, view, log), options.evictionIntervalMs)
      checking = setInterval(() => checker?.tick(), CHECK_TICK_MS)
    },
    async usePeers (urls) {
      await peers.use(otherPeers(urls, ownNames(options)))
      tellOthers(registry, peers, writeThrough)
    },
    useTls (given) {
      // Throws when they do not fit together; then the old ones stay, here and there.
      (server.server as unknown as TlsServer).setSecureContext(given)
      certificates = given
    },
    stop () {
      stopped ??= stopAll()
      return stopped
    }
  }
  return discovery
}

function bookRules (options: DiscoveryOptions, now: () => number, origin: string): BookRules {
  return {
    now,
    origin,
    random: () => randomInt(2 ** 47) / 2 ** 47,
    preservation: {
      enabled: options.selfPreservation,
      threshold: options.renewalThreshold,
      floor: options.preservationFloor
    },
    sweepMs: options.evictionIntervalMs,
    deltaMs: options.deltaRetentionMs,
    keepRemovedMs: Math.max(options.deltaRetentionMs, KEEP_REMOVED_MS),
    maxRemoved: options.maxInstances,
    keepRemovalsMs: KEEP_REMOVALS_MS,
    maxInstances: options.maxInstances,
    syncWhenTimestampDiffers: options.syncWhenTimestampDiffers,
    leaseBugCompatible: options.leaseBugCompatible
  }
}

function createRegistry (rules: BookRules, options: DiscoveryOptions): Registry {
  const book = new Book(rules)
  const payloads = new Payloads(book, () => performance.now())
  const hub = new Hub(book, payloads, {
    now: () => performance.now(),
    schedule (callback, ms) {
      const timer = setTimeout(callback, ms)
      return () => clearTimeout(timer)
    },
    pingMs: PING_MS,
    stallMs: STALL_MS,
    gapMs: options.pushGapMs
  })
  return new Registry({ book, payloads, hub })
}

function createKeeper (
  book: Book, { snapshotFile, snapshotIntervalMs }: DiscoveryOptions, rest: Pick<KeeperOptions, 'epoch' | 'now' | 'log'>
): SnapshotKeeper | undefined {
  if (snapshotFile === undefined) return undefined
  return new SnapshotKeeper(book, { path: snapshotFile, intervalMs: snapshotIntervalMs, ...rest })
}

function createRegions (
  { book, payloads }: Registry, rules: BookRules, options: DiscoveryOptions,
  { tls, log }: { tls: OwnTls, log: Logger | undefined }
): Regions {
  const { regionIntervalMs: intervalMs, regionDelta: useDelta, regionTimeoutMs: timeoutMs } = options
  const { now, keepRemovedMs, deltaMs, maxRemoved } = rules
  const remotes = options.regions.map(region => new RemoteRegion({
    region,
    http: new PeerHttp(parseUrl(region.url).href, { timeoutMs, tls, authorization: peerToken(options) }),
    book: new Book(rules),
    intervalMs, useDelta, keepRemovedMs, now, log
  }))
  return new Regions({ book, payloads }, remotes, { now, deltaMs, maxRemoved, fallback: options.regionFallback })
}

/** Read for each call: tokens are short-lived, and whoever renews them only replaces the file. */
function peerToken ({ peerTokenFile }: DiscoveryOptions): (() => Promise<string>) | undefined {
  return peerTokenFile === undefined
    ? undefined
    : async () => `Bearer ${(await readFile(peerTokenFile, 'utf8')).trim()}`
}

function createPeers (
  registry: Registry, options: DiscoveryOptions, tls: OwnTls, rest: Pick<PeersOptions, 'now' | 'log'>
): Peers {
  const { peerTimeoutMs: timeoutMs, peerCompression: compress } = options
  return new Peers(registry, {
    connect: (url, ms) => new PeerHttp(url, { timeoutMs: ms, tls, authorization: peerToken(options), compress }),
    timeoutMs,
    compareMs: COMPARE_MS,
    after: afterReal,
    queue: { max: options.peerQueueMax, cancelMs: options.peerCancelKeepMs, statusMs: STATUS_KEEP_MS },
    batchMs: options.peerBatchMs,
    batchSize: options.peerBatchSize,
    ...rest
  })
}

function ownNames ({ host, port, ownHosts, myUrl }: DiscoveryOptions): OwnNames {
  const hosts = ['localhost', '127.0.0.1', '::1', hostname(), host, ...ownHosts]
  return { port, hosts: new Set(hosts.map(name => name.toLowerCase())), myUrl }
}

function createWriteThrough (
  registry: Registry, backend: Backend | undefined, log: Logger | undefined
): WriteThrough | undefined {
  if (backend?.writer === undefined) return undefined
  return new WriteThrough({ writer: backend.writer, find: (app, id) => registry.book.lease(app, id)?.instance, log })
}

/** Without anybody to tell, not even the news of a heartbeat is made. */
function tellOthers (registry: Registry, peers: Peers, writeThrough: WriteThrough | undefined): void {
  if (peers.size === 0 && writeThrough === undefined) return
  registry.replicateTo(replication => {
    peers.tell(replication)
    writeThrough?.tell(replication)
  })
}

function sweep (registry: Registry, view: BookView, log: Logger | undefined): void {
  for (const { app, id, lease } of registry.expire()) {
    view.leaseEnded(app, id)
    log?.info({ app, id, leaseSecs: lease.durationSecs }, 'lease ran out, instance removed')
  }
}
