/**
 * Our gateway as it is measured: 100 routes, breaker, retry, request ids, histogram, access log to a file. Each extra
 * can be left out by name (`--without=log,breaker`), which is how the cost of each is found.
 */
import { createServer } from 'node:http'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { readFlags } from '../../scripts/flags.ts'
import { DATA_PLANE_DEFAULTS, type DataPlaneOptions } from '../../gateway/data-plane-options.ts'
import { ROUTING_DEFAULTS } from '../../gateway/options.ts'
import { createCompiler } from '../../gateway/routes/compile.ts'
import type { NamedArgs, RouteDefinition } from '../../gateway/routes/route.ts'
import { CacheOwner } from '../../gateway/cache/cache-owner.ts'
import { ConnectionCounts } from '../../gateway/shared/connection-counts.ts'
import { createDataPlane } from '../../gateway/workers/data-plane.ts'
import { HostedLoop } from '../../gateway/workers/hosted-loop.ts'

const values = readFlags(import.meta.filename, {
  port: { type: 'string', default: '0' },
  upstream: { type: 'string', default: '' },
  workers: { type: 'string', default: '0' },
  log: { type: 'string', default: '/dev/null' },
  without: { type: 'string', default: '' },
  'stall-port': { type: 'string', default: '0' }
})
const without = new Set(values.without.split(','))

const RESOLUTION_MS = 5

function named (name: string, args: Record<string, string>): NamedArgs {
  return { name, args: Object.assign(Object.create(null) as Record<string, string>, args) }
}

function routes (): RouteDefinition[] {
  const filters = [
    ...(without.has('breaker') ? [] : [named('CircuitBreaker', { name: 'bench' })]),
    ...(without.has('retry') ? [] : [named('Retry', { retries: '2' })])
  ]
  const one = (id: string, path: string): RouteDefinition => ({
    id, uri: values.upstream, order: 0, enabled: true, predicates: [named('Path', { 'patterns.0': path })], filters, metadata: {}
  })
  const others = without.has('routes') ? 0 : 99
  return [...Array.from({ length: others }, (_, at) => one(`service-${at}`, `/service-${at}/**`)), one('bench', '/**')]
}

const options: DataPlaneOptions = {
  ...DATA_PLANE_DEFAULTS,
  port: Number(values.port),
  workers: Number(values.workers),
  accessLog: { enabled: !without.has('log'), file: values.log }
}
const snapshot = {
  routes: routes(), defaultFilters: [], instances: {},
  options: { ...ROUTING_DEFAULTS, retryRefusedConnections: !without.has('retry') }
}

// Whoever finds the gateway listening may ask at once.
await tellStalls(Number(values['stall-port']))
if (options.workers > 0) {
  const dataPlane = createDataPlane(options, (level, message) => console.error(level, message))
  await dataPlane.start()
  await dataPlane.apply(snapshot)
} else {
  // One loop in this thread, where extras that no setting switches off can be taken out.
  const log = (level: string, message: string): void => console.error(level, message)
  const place = { index: 0, count: 1 }
  const connections = ConnectionCounts.make(options.limits, place)
  const cache = new CacheOwner(() => performance.now()).access(0)
  const hosted = new HostedLoop(options, createCompiler, { log, emit: () => {}, place, connections, cache })
  if (without.has('metrics')) hosted.loop.cells.add = () => {}
  if (without.has('ids')) hosted.loop.identify = () => {}
  hosted.apply(snapshot)
  await hosted.start(options.port)
}
process.stdout.write('ready\n')

/** Answers anyone who asks with the longest stall of this thread's loop since the last time, in milliseconds. */
async function tellStalls (port: number): Promise<void> {
  const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  delays.enable()
  const server = createServer((_request, response) => {
    response.end(String(Math.max(0, delays.max / 1e6 - RESOLUTION_MS)))
    delays.reset()
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
}
