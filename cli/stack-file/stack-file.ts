/** `breakwater.yml`, read and complete: what a folder's stack consists of. Paths are absolute, defaults filled in. */

export interface StackFile {
  /** Where it was read: `/shop/breakwater.yml`. */
  readonly file: string
  readonly name: string
  /** @default "local" */
  readonly profile: string | undefined
  readonly platform: Platform
  readonly services: ReadonlyMap<string, ServiceEntry>
  readonly groups: ReadonlyMap<string, readonly string[]>
  /** Commands that are shown when all is ready. `{gateway}` is its address. */
  readonly examples: readonly string[]
}

/** Undefined: the stack does without it. */
export interface Platform {
  readonly discovery: PlatformPart | undefined
  readonly 'config-server': ConfigServerPart | undefined
  readonly bus: PlatformPart | undefined
  readonly gateway: GatewayPart | undefined
}

export interface PlatformPart {
  /** Its settings file. @default its own defaults */
  readonly config: string | undefined
  readonly port: number
  readonly env: Readonly<Record<string, string>>
}

export interface ConfigServerPart extends PlatformPart {
  /** The folder whose files it serves. */
  readonly settings: string | undefined
}

export interface GatewayPart extends PlatformPart {
  readonly managementPort: number
}

export interface ServiceEntry {
  readonly name: string
  readonly program: Program
  readonly folder: string
  /** 0: any free one. */
  readonly port: number
  readonly env: Readonly<Record<string, string>>
  readonly envFiles: readonly string[]
  /** Asked until it answers 2xx; without it an open port is enough. */
  readonly health: string | undefined
  readonly dependsOn: readonly string[]
  readonly copies: number
  /** Its program starts anew when something in one of these changes. */
  readonly watch: readonly string[]
  /** Whether the supervisor registers it. Undefined: unless it does so itself. */
  readonly register: boolean | undefined
  readonly route: Route | undefined
  /** Called through the gateway before the stack is said to be ready. */
  readonly check: string | undefined
}

/** A script runs on this process's own Node and says by itself when it is ready; a command is anything else. */
export type Program = { readonly script: string } | { readonly command: string }

export interface Route {
  readonly paths: readonly string[]
  /** How many parts of the path the service does not get to see. */
  readonly strip: number
  readonly filters: readonly string[]
}

export const FILE_NAMES: readonly string[] = ['breakwater.yml', 'breakwater.yaml']
