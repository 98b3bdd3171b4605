/** The registry as a process: `breakwater discovery [--port N] [--config application.yml]`. */
import { actuator, runMain } from '@breakwater/starter'
import { createDiscovery } from './server.ts'
import { optionsFrom } from './settings.ts'

runMain(process, 'discovery', async ({ settings, log }) => {
  const discovery = createDiscovery(optionsFrom(settings), { log })
  await discovery.server.register(actuator, { settings, log })
  await discovery.start()
  return { url: discovery.url, stop: () => discovery.stop() }
})
