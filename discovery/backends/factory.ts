import type { Logger } from '@breakwater/starter/logger'
import { withPackage } from '@breakwater/starter/optional-package'
import type { Settings } from '@breakwater/starter/settings'
import { discoveryError } from '../errors.ts'
import type { Backend } from './backend.ts'

const WAIT_MS = 60_000
const FIRST_MS = 5000

/** The back end that `breakwater.discovery.backend` names, and only that, is loaded; undefined for `memory`: none. */
export async function createBackend (settings: Settings, log: Logger): Promise<Backend | undefined> {
  const key = 'breakwater.discovery.backend'
  const name = settings.string(key, 'memory')
  switch (name) {
    case 'memory': return undefined
    case 'consul': return await createConsulBackend(settings, log)
    case 'kubernetes': return (await import('./kubernetes.ts')).createKubernetesBackend(settings, log)
    default:
      throw discoveryError('E_DISCOVERY_OPTION', [key, 'memory, consul or kubernetes', name], { where: settings.origin(key) })
  }
}

async function createConsulBackend (settings: Settings, log: Logger): Promise<Backend> {
  const { connectConsul, ConsulReader, describeConsul, readConsulConnection } = await withPackage('breakwater.discovery.backend: consul', () =>
    import('@breakwater/starter/consul'))
  const { ConsulBackend } = await import('./consul/consul-backend.ts')
  const connection = readConsulConnection(settings)
  return new ConsulBackend({
    client: connectConsul(connection),
    reader: new ConsulReader(connection),
    description: describeConsul(connection),
    waitMs: WAIT_MS,
    firstMs: FIRST_MS,
    log
  })
}
