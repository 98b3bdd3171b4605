/** The server as a member of the platform: found under `configserver`, and finding the applications to refresh. */
import { createDiscoveryClient, createRegistration, ownAddress, type DiscoveryClient } from '@breakwater/starter/discovery'
import type { Logger } from '@breakwater/starter/logger'
import type { Running } from '@breakwater/starter/main'
import type { Settings } from '@breakwater/starter/settings'
import { readOptions, type ConfigServerOptions } from './options.ts'
import { createConfigServer, type ConfigServer, type ConfigServerContext } from './server.ts'

/**
 * Starts the server with what its settings ask for besides: `eureka.client.register-with-eureka: true` makes it
 * findable for clients that look for it in the registry, `refresh-clients.enabled` needs the registry's instances.
 */
export async function startMember (
  settings: Settings, log: Logger, environment: Readonly<Record<string, string | undefined>>
): Promise<Running> {
  const options = readOptions(settings)
  const discovery = options.refreshClients.enabled ? await createDiscoveryClient(settings, log) : undefined
  await discovery?.start()
  const server = await startServer(options, { settings, log, environment, discovery })
  const registration = await register(settings, log, server)
  await registration?.start()
  return { ...server, stop: async () => stopAll(registration, server, discovery) }
}

async function startServer (options: ConfigServerOptions, context: ConfigServerContext): Promise<ConfigServer> {
  try {
    return await createConfigServer(options, context)
  } catch (failure) {
    await context.discovery?.stop()
    throw failure
  }
}

// Out of the registry first, so that nobody is sent here while it ends.
async function stopAll (...parts: ({ stop (): Promise<void> } | DiscoveryClient | undefined)[]): Promise<void> {
  for (const part of parts) await part?.stop()
}

async function register (settings: Settings, log: Logger, { address, secure, management }: ConfigServer) {
  if (!settings.boolean('eureka.client.register-with-eureka', false)) return undefined
  const managementPort = management === undefined ? undefined : Number(new URL(management).port)
  return await createRegistration(settings, log, ownAddress(address, managementPort, secure))
}
