import { connectConsul, describeConsul, readConsulConnection, type Logger } from '@breakwater/starter'
import type { Settings } from '@breakwater/starter/settings'
import { discoveryError } from '../errors.ts'
import type { Backend } from './backend.ts'
import { ConsulBackend } from './consul/consul-backend.ts'
import { createKubernetesBackend } from './kubernetes.ts'

const WAIT_SECS = 60
const FIRST_MS = 5000

/** The back end that `breakwater.discovery.backend` names; undefined for `memory`, which needs none. */
export function createBackend (settings: Settings, log: Logger): Backend | undefined {
  const key = 'breakwater.discovery.backend'
  const name = settings.string(key, 'memory')
  switch (name) {
    case 'memory': return undefined
    case 'consul': return createConsulBackend(settings, log)
    case 'kubernetes': return createKubernetesBackend(settings, log)
    default:
      throw discoveryError('E_DISCOVERY_OPTION', [key, 'memory, consul or kubernetes', name], { where: settings.origin(key) })
  }
}

function createConsulBackend (settings: Settings, log: Logger): Backend {
  const connection = readConsulConnection(settings)
  return new ConsulBackend({
    client: connectConsul(connection),
    description: describeConsul(connection),
    waitSecs: WAIT_SECS,
    firstMs: FIRST_MS,
    log
  })
}
