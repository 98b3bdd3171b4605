/** The parts of the platform that a stack file asks for. */
import type { ConfigServerPart, GatewayPart, Platform, PlatformPart } from './stack-file.ts'
import { pathFrom, textsOf, type Texts } from './values.ts'

export type RawPlatform = Readonly<Partial<Record<keyof Platform, boolean | RawPart>>>

interface RawPart {
  readonly config?: string
  readonly port?: number
  readonly env?: Texts
  readonly settings?: string
  readonly 'management-port'?: number
}

/** Registry and gateway unless it says otherwise: what every stack has. */
export function platformOf (raw: RawPlatform = {}, root: string): Platform {
  return {
    discovery: partOf(raw.discovery ?? true, root, 8761),
    'config-server': configServerOf(raw['config-server'] ?? false, root),
    bus: partOf(raw.bus ?? false, root, 7070),
    gateway: gatewayOf(raw.gateway ?? true, root)
  }
}

function partOf (raw: boolean | RawPart, root: string, defaultPort: number): PlatformPart | undefined {
  if (raw === false) return undefined
  const { config, port = defaultPort, env } = raw === true ? {} : raw
  return { config: pathFrom(root, config), port, env: textsOf(env) }
}

function configServerOf (raw: boolean | RawPart, root: string): ConfigServerPart | undefined {
  const part = partOf(raw, root, 8888)
  if (part === undefined) return undefined
  const settings = typeof raw === 'object' ? raw.settings : undefined
  // With a settings file of its own it is told there what it serves.
  return { ...part, settings: pathFrom(root, settings ?? (part.config === undefined ? 'config' : undefined)) }
}

function gatewayOf (raw: boolean | RawPart, root: string): GatewayPart | undefined {
  const part = partOf(raw, root, 8080)
  if (part === undefined) return undefined
  return { ...part, managementPort: (typeof raw === 'object' ? raw['management-port'] : undefined) ?? 8081 }
}
