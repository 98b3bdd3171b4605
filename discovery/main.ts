/** The registry as a process: `breakwater discovery [--port N] [--config application.yml]`. */
import { actuator, createAuthenticator, runMain, type Authorize } from '@breakwater/starter'
import { createBackend } from './backends/factory.ts'
import { createMetrics, registryHealth } from './metrics.ts'
import { createDiscovery } from './server.ts'
import { checkNames } from './settings-names.ts'
import { optionsFrom, peerUrls } from './settings.ts'

runMain(process, 'discovery', async ({ settings, log }) => {
  for (const warning of checkNames(settings)) log.warn(warning)
  const auth = await createAuthenticator(settings, log)
  const discovery = createDiscovery(optionsFrom(settings), { log, auth, backend: createBackend(settings, log) })
  const authorize: Authorize = async (request, role) => { await auth.check(request, role) }
  await discovery.server.register(actuator, {
    settings,
    log,
    authorize,
    registry: createMetrics(discovery.registry, discovery.peers),
    health: new Map([['registry', () => registryHealth(discovery.registry)]])
  })
  await discovery.start()
  settings.on('change', () => { void discovery.usePeers(peerUrls(settings)) })
  return { url: discovery.url, stop: () => discovery.stop() }
})
