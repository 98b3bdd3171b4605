/**
 * The gateway as a whole: settings -> discovery -> control loop -> data plane -> admin, and back in reverse order.
 *
 * The data port opens last, when routes are compiled and instances are known (or the deadline for them passed): a
 * gateway that answers is one that routes.
 */
import type { AddressInfo } from 'node:net'
import { createDiscoveryClient, type DiscoveryClient } from '@breakwater/starter/discovery'
import type { HealthIndicator } from '@breakwater/starter/actuator'
import type { MainArgs, Running } from '@breakwater/starter/main'
import type { Settings } from '@breakwater/starter/settings'
import { adminServer } from './admin/server.ts'
import { ControlLoop } from './control-loop.ts'
import { RouteStore } from './routes/route-store.ts'
import { configurationOf, readConfiguration } from './settings/configuration.ts'
import { gatewayRegistration } from './registration.ts'
import { unusedDiscoveryKeys, unusedSharedKeys, unusedSpringKeys } from './settings/gateway-settings.ts'
import { readOptions } from './settings/read-options.ts'
import { createDataPlane } from './workers/data-plane.ts'
import type { DataPlane } from './workers/contract.ts'

/** What tests and embedders may hand in instead of what the settings say. */
export interface GatewayParts extends MainArgs {
  readonly discovery?: DiscoveryClient
  readonly dataPlane?: typeof createDataPlane
}

/** A started gateway; `management` is the admin's address. */
export interface RunningGateway extends Running {
  readonly management: string
  readonly control: ControlLoop
}

/** Starts everything; a fault stops what was started and is thrown. */
export async function startGateway (parts: GatewayParts): Promise<RunningGateway> {
  const { settings, log } = parts
  const undo: Undo = []
  const stop = async () => { for (const step of undo.splice(0).toReversed()) await step() }
  try {
    return await start(parts, undo, stop)
  } catch (fault) {
    await stop().catch((cause: unknown) => log.warn({ err: cause }, 'the failed start was not undone whole'))
    settings.close()
    throw fault
  }
}

type Undo = Array<() => Promise<void> | void>

async function start (parts: GatewayParts, undo: Undo, stop: () => Promise<void>): Promise<RunningGateway> {
  const { settings, log } = parts
  const warn = (fault: unknown) => log.warn(String(fault))

  // What to do: every fault of the file is found before anything listens.
  const options = readOptions(settings)
  unusedSpringKeys(settings).forEach(warn)
  unusedSharedKeys(settings).forEach(warn)
  unusedDiscoveryKeys(settings).forEach(warn)
  const store = await new RouteStore(options.management.routesFile).load()
  const discovery = parts.discovery ?? await createDiscoveryClient(settings, log)
  let first: ReturnType<typeof configurationOf> | undefined = configurationOf(settings, options, warn)
  const read = () => {
    const configuration = first ?? readConfiguration(settings, warn)
    first = undefined
    return configuration
  }
  const dataPlane = (parts.dataPlane ?? createDataPlane)(options.dataPlane,
    (level, message, fields) => log[level](fields ?? {}, message))
  const control = new ControlLoop({ dataPlane, discovery, store, log, read })
  undo.push(() => control.stop())

  // Who is there: before the data port opens, so that the first request finds instances.
  await discovery.start()
  undo.push(() => discovery.stop())

  // Serve: the table is in place before the port opens. Then let operators look.
  await control.start()
  suspicious(control).forEach(warn)
  const { url } = await dataPlane.start()
  undo.push(() => dataPlane.stop(settings.durationMs('spring.lifecycle.timeout-per-shutdown-phase', 30_000)))
  const admin = await adminServer({
    ...options.management, settings, log, control, store, dataPlane, health: healthOf(dataPlane, discovery, control)
  })
  undo.push(() => admin.close())
  await admin.listen({ host: options.management.host, port: options.management.port }).catch((failure: unknown) => {
    // Which setting to change is part of what the user is told.
    throw Object.assign(failure as Error, { setting: 'MANAGEMENT_SERVER_PORT' })
  })

  followSettings(settings, control, warn, undo)
  const { address, port } = admin.server.address() as AddressInfo
  await dataPlane.keepFrom([{ address, port }])
  const registration = await gatewayRegistration(settings, log, url, port)
  if (registration !== undefined) {
    undo.push(() => registration.stop())
    await registration.start()
  }
  return { url, management: `http://${address.includes(':') ? `[${address}]` : address}:${port}`, control, stop }
}

/** What is well formed and cannot be meant. */
function suspicious ({ table, configuration: { routes, locate } }: ControlLoop): string[] {
  const twice = [...Map.groupBy(routes, ({ id }) => id).values()].flatMap(([, ...again]) => again)
  return [
    ...(table.routes.length === 0 && locate === undefined
      ? ['there is no route, every request is answered by 404: routes are read from spring.cloud.gateway.server.webflux.routes ' +
        '(or spring.cloud.gateway.routes), from breakwater.gateway.routes-file, and from the admin']
      : []),
    ...twice.map(({ id, origin }) => `${origin ?? 'settings'}: there are two routes with the id "${id}": metrics and admin mix them up`)
  ]
}

/** A changed file or config server swaps the routes; a fault in it leaves the old ones serving. */
function followSettings (settings: Settings, control: ControlLoop, warn: (fault: unknown) => void,
  undo: Undo): void {
  const onChange = () => {
    control.refresh().then(() => { settings.reloads.taken('routes') }, (failure: unknown) => {
      settings.reloads.refused('routes', failure)
      warn(failure)
    })
  }
  settings.on('change', onChange)
  undo.push(() => { settings.off('change', onChange) })
}

/** A registry that is gone does not take the gateway out: the last known instances are being served. */
function healthOf (dataPlane: DataPlane, discovery: DiscoveryClient, control: ControlLoop): Map<string,
  HealthIndicator> {
  return new Map<string, HealthIndicator>([
    ['gateway', () => ({
      status: dataPlane.workersAlive > 0 ? 'UP' : 'DOWN',
      details: { workers: dataPlane.workersAlive, routes: control.table.routes.length }
    })],
    ['discovery', () => ({
      status: discovery.connected ? 'UP' : 'UNKNOWN',
      details: { source: discovery.description, services: discovery.services() }
    })]
  ])
}
