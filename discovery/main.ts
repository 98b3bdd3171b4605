/** The registry as a process: `breakwater discovery [--port N] [--config application.yml]`. */
import { setFlagsFromString } from 'node:v8'
import { actuator, RequestMetrics, type Authorize } from '@breakwater/starter/actuator'
import { managementPort } from '@breakwater/starter/http'
import { runMain } from '@breakwater/starter/main'
import { createAuthenticator, followServerTls } from '@breakwater/starter/security'
import { unusedSpringKeys } from '@breakwater/starter/spring-keys'
import { createBackend } from './backends/factory.ts'
import { createMetrics, registryHealth } from './metrics.ts'
import { createDiscovery } from './server.ts'
import { checkNames } from './settings-names.ts'
import { optionsFrom, peerUrls } from './settings.ts'

// The registry's garbage is short-lived and little; a nursery that grows to its usual 48 MB would hold more memory than
// ten thousand instances do.
setFlagsFromString('--semi-space-growth-factor=1')

runMain(process, 'discovery', async ({ settings, log }) => {
  for (const warning of [...checkNames(settings), ...unusedSpringKeys(settings)]) log.warn(warning)
  const auth = await createAuthenticator(settings, log)
  const requestMetrics = new RequestMetrics()
  const options = optionsFrom(settings)
  const discovery = createDiscovery(options, {
    log, auth, requests: requestMetrics, backend: await createBackend(settings, log)
  })
  const authorize: Authorize = async (request, role) => { await auth.check(request, role) }
  await discovery.server.register(actuator, {
    settings,
    log,
    authorize,
    requestMetrics,
    registry: createMetrics(discovery.registry, discovery.peers, discovery.regions),
    health: new Map([['registry', () => registryHealth(discovery.registry)]])
  })
  const manage = managementPort(discovery.server, settings, auth.door.hosts)
  await discovery.start()
  const managed = await manage(options.host)
  settings.on('change', () => {
    discovery.usePeers(peerUrls(settings)).catch((failure: unknown) => log.error({ err: failure }, 'the peers stay as they were'))
  })
  const unfollow = options.tls === undefined
    ? () => {}
    : followServerTls({ setSecureContext: tls => discovery.useTls(tls) }, settings, log)
  const stop = (): Promise<void> => {
    unfollow()
    return discovery.stop()
  }
  return { url: discovery.url, ...managed, stop }
})
