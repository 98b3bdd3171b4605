import type { Settings } from './settings.ts'
import type { PropertySource } from './types.ts'

/** What to read settings from. Nothing of the process is used that is not handed in. */
export interface LoadOptions {
  /** The service's name: `spring.application.name` unless a source says otherwise. */
  readonly name: string
  /** Where `application.yml` and `config/application.yml` are looked for. @default the working directory */
  readonly folder?: string | undefined
  /** A file to use as THE application.yml; its profile siblings beside it are read too. */
  readonly file?: string | undefined
  /** Environment variables. @default none */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined
  /** Settings of the command line, `{ 'server.port': '8080' }`. @default none */
  readonly args?: Readonly<Record<string, string>> | undefined
  /** What holds when no source says otherwise. @default none */
  readonly defaults?: Readonly<Record<string, string>> | undefined
  /** Profiles, instead of those of the environment and the files. */
  readonly profiles?: readonly string[] | undefined
  /** Who answers imports of `configserver:` and `consul:`. @default their clients */
  readonly remote?: RemoteConfig | undefined
  /** Whether mounted folders and the config server are watched for changes. @default true */
  readonly watch?: boolean | undefined
}

/** One `configserver:` or `consul:` import that was met. */
export interface RemoteRequest {
  readonly kind: 'configserver' | 'consul'
  /** What stood after it: addresses and `?options`, or nothing. */
  readonly location: string
  /** Whether the service may start without an answer. */
  readonly optional: boolean
  /** File and line of the import. */
  readonly where: string
  /** All local settings; the client's own options are among them. */
  readonly settings: Settings
}

/** Sources of a config server, each list highest priority first. */
export interface RemoteSources {
  /** Those of a profile, and `overrides`: they win over local profile files. */
  readonly profile: readonly PropertySource[]
  /** The others: they win over the local file with the import. */
  readonly plain: readonly PropertySource[]
  /** What was odd, for instance that the last known configuration is used because no server answers. */
  readonly warnings: readonly string[]
}

/** Settings that come over the network. */
export interface RemoteConfig {
  /** Asks once, with retries as configured; throws when there is no answer and the import is not optional. */
  fetch (request: RemoteRequest): Promise<RemoteSources>
  /** Begins to watch what was fetched; calls back when something may have changed. Idempotent. */
  watch (changed: () => void, warn: (text: string) => void): void
  close (): void
}
