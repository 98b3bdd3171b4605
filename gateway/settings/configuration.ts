/** Everything of the settings that a snapshot is made of, read at the start and at every refresh. */
import type { Settings } from '@breakwater/starter/settings'
import type { Configuration } from '../control-loop.ts'
import type { GatewayOptions } from '../options.ts'
import { GatewaySettings } from './gateway-settings.ts'
import { readLocator } from './read-locator.ts'
import { readOptions } from './read-options.ts'

/** Throws every fault it finds; `warn` hears of routes that are left out instead. */
export function readConfiguration (settings: Settings, warn: (fault: unknown) => void): Configuration {
  return configurationOf(settings, readOptions(settings), warn)
}

/** The same, when the options were read already. */
export function configurationOf (settings: Settings, options: GatewayOptions,
  warn: (fault: unknown) => void): Configuration {
  const gateway = new GatewaySettings(settings)
  return {
    routing: options.routing,
    routes: gateway.routes(options.routing.failOnRouteDefinitionError, warn),
    defaultFilters: gateway.filters('default-filters'),
    locate: readLocator(gateway)
  }
}
