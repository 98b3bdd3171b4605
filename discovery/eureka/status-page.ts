import { availableParallelism } from 'node:os'
import { getHeapStatistics } from 'node:v8'
import type { FastifyInstance } from 'fastify'
import type { DiscoveryOptions } from '../options.ts'
import type { Registry } from '../registry.ts'
import { sendForm } from './http.ts'
import { documentPayload } from './payload.ts'
import { close, element, open } from './xml.ts'

/** Peers as Eureka's status page counts them. */
export interface Replicas {
  readonly registered: readonly string[]
  readonly available: readonly string[]
}

/** `GET status`: the server's own numbers, in XML as the original and in JSON where the original fails. */
export function statusRoute (
  server: FastifyInstance, registry: Registry, options: DiscoveryOptions, replicas: () => Replicas, now: () => number
): void {
  server.get('/status', (request, reply) => sendForm(request, reply, form => {
    const status = statusOf(registry, options, replicas(), now())
    return form.startsWith('json')
      ? documentPayload('application/json', JSON.stringify(status))
      : documentPayload('application/xml', statusXml(status))
  }))
}

/** Sections of values, and one value that stands alone. */
type Status = Readonly<Record<string, Readonly<Record<string, string>> | string>>

function statusOf (registry: Registry, options: DiscoveryOptions, replicas: Replicas, now: number): Status {
  const heap = getHeapStatistics()
  const { registered, available } = replicas
  return {
    generalStats: {
      environment: options.environment,
      'num-of-cpus': String(availableParallelism()),
      'total-avail-memory': megabytes(heap.heap_size_limit),
      'current-memory-usage': `${megabytes(heap.used_heap_size)} (${Math.round(100 * heap.used_heap_size / heap.heap_size_limit)}%)`,
      'server-uptime': hoursAndMinutes(now - registry.book.startedAt)
    },
    applicationStats: {
      'registered-replicas': registered.join(', '),
      'available-replicas': list(available),
      'unavailable-replicas': list(registered.filter(replica => !available.includes(replica)))
    },
    instanceInfo: { ipAddr: options.host, status: 'UP' },
    // Spelled as the original spells it, and there only when somebody asked how many peers are enough.
    ...(options.minAvailablePeers < 0 ? {} : { isHeathly: String(available.length >= options.minAvailablePeers) })
  }
}

function statusXml (status: Status): string {
  let xml = open('com.netflix.eureka.util.StatusInfo', 0)
  for (const [section, values] of Object.entries(status)) {
    if (typeof values === 'string') {
      xml += element(section, values, 1)
      continue
    }
    xml += open(section, 1)
    for (const [name, value] of Object.entries(values)) xml += element(name, value, 2)
    xml += close(section, 1)
  }
  return xml + close('com.netflix.eureka.util.StatusInfo', 0).trimEnd()
}

/** The original ends each entry with a comma. */
function list (names: readonly string[]): string {
  return names.map(name => `${name},`).join('')
}

function megabytes (bytes: number): string {
  return `${Math.round(bytes / 1024 / 1024)}mb`
}

function hoursAndMinutes (ms: number): string {
  const minutes = Math.floor(ms / 60_000)
  return `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`
}
