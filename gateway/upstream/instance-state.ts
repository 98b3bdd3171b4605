/** One instance as a cluster keeps it: the address and the integers that decide about it. */
import type { ServiceInstance } from '@breakwater/starter/discovery'
import { flattened } from '../http1/characters.ts'
import type { Instance } from './upstream.ts'

/** Why an instance is left out. A refused connection is a fact; the others are judgements. */
export type EjectionReason = 'connect' | 'consecutive-errors' | 'failure-rate' | 'health-check'

export class InstanceState implements Instance {
  readonly id: string
  readonly host: string
  readonly port: number
  readonly secure: boolean
  readonly authority: string
  readonly hostLine: string
  readonly zone: string | undefined
  readonly metadata: Readonly<Record<string, string>>
  readonly written: boolean
  readonly http2: boolean | undefined
  readonly weight: number
  active = 0
  pool: unknown = undefined

  consecutiveFailures = 0
  /** Of the running interval. */
  successes = 0
  failures = 0
  ejectedUntilMs = 0
  ejection: EjectionReason | undefined = undefined
  /** How often it was ejected; the time grows with it. */
  ejections = 0
  /** Share grows from here (slow start); 0: full share. */
  rampFromMs = 0
  /** A probe is under way. */
  probing = false

  constructor (source: ServiceInstance) {
    this.id = source.instanceId
    this.host = source.host
    this.port = source.port
    this.secure = source.secure
    this.authority = `${source.host.includes(':') ? `[${source.host}]` : source.host}:${source.port}`
    this.hostLine = flattened(`host: ${this.authority}\r\n`)
    this.zone = source.zone ?? source.metadata['zone']
    this.metadata = source.metadata
    this.written = source.written === true
    this.http2 = source.metadata['http2'] === undefined ? undefined : source.metadata['http2'] === 'true'
    const weight = Number(source.metadata['weight'] ?? 1)
    this.weight = weight > 0 && Number.isFinite(weight) ? weight : 1
  }

  /** True when the registry still means the same server: counters and connections go on. */
  sameAs (source: ServiceInstance): boolean {
    return this.host === source.host && this.port === source.port && this.secure === source.secure &&
      this.written === (source.written === true) &&
      this.zone === (source.zone ?? source.metadata['zone']) && sameMetadata(this.metadata, source.metadata)
  }
}

function sameMetadata (a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  const keys = Object.keys(a)
  return keys.length === Object.keys(b).length && keys.every(key => a[key] === b[key])
}
