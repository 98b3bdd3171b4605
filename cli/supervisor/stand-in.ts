/**
 * Registers a program that does not do so itself, as long as it runs. One that turns out to have registered by itself
 * is left to its own word.
 */
import { createDiscoveryClient, createRegistration, type ServiceInstance } from '@breakwater/starter/discovery'
import { createLogger, type Logger } from '@breakwater/starter/logger'
import { loadSettings, type Settings } from '@breakwater/starter/settings'

export interface StandIn { stop (): Promise<void> }

export interface StandInOptions {
  readonly service: string
  readonly url: string
  /** What the program was given: the profile and the registry's address are among it. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** Whether to give way to the program's own registration. */
  readonly giveWay: boolean
}

/** Marks what we have registered. */
const BY = 'registered-by'
const US = 'breakwater-up'

/** Undefined where nobody registers: in Kubernetes. */
export async function registerFor ({ service, url, env, giveWay }: StandInOptions): Promise<StandIn | undefined> {
  const { hostname, port } = new URL(url)
  const settings = await settingsOf(service, port, env)
  const log = createLogger(settings)
  const registration = await createRegistration(settings, log,
    { host: hostname, ip: hostname, port: Number(port), secure: false, managementPort: undefined })
  if (registration === undefined) return undefined
  await registration.start()
  const giveUp = () => { void registration.stop() }
  const unwatch = giveWay ? await onOthers(settings, log, service, Number(port), giveUp) : undefined
  return { stop: async () => { await Promise.all([unwatch?.(), registration.stop()]) } }
}

/** Calls once the program has registered by itself; the returned function ends the watch. */
async function onOthers (
  settings: Settings, log: Logger, service: string, port: number, call: () => void
): Promise<() => Promise<void>> {
  const client = await createDiscoveryClient(settings, log)
  let called = false
  const isOther = (one: ServiceInstance) => one.port === port && one.metadata[BY] !== US
  const unwatch = client.watch(service, (_service, instances) => {
    if (called || !instances.some(isOther)) return
    called = true
    call()
  })
  await client.start()
  return async () => {
    unwatch()
    await client.stop()
  }
}

function settingsOf (service: string, port: string, env: StandInOptions['env']): Promise<Settings> {
  const id = `127.0.0.1:${service}:${port}:${US}`
  return loadSettings({
    name: service,
    // The program's own settings are its own business.
    env: { ...env, SPRING_CONFIG_IMPORT: undefined },
    folder: '/nonexistent',
    watch: false,
    args: {
      'logging.level.root': 'off',
      'eureka.instance.instance-id': id,
      [`eureka.instance.metadata-map.${BY}`]: US,
      'spring.cloud.consul.discovery.instance-id': id,
      [`spring.cloud.consul.discovery.metadata.${BY}`]: US
    }
  })
}
