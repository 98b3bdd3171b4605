/**
 * What every store of configuration offers. Reads name the state they saw, so that answers can be kept by it; a
 * store whose answers depend on who asks (Vault's token) names none and is asked each time.
 */
import type { Property } from '@breakwater/starter/settings'
import type { Ask } from '../environment/ask.ts'
import type { Found } from '../environment/environment.ts'
import type { Commit } from './git/commit-files.ts'
import type { State } from './state-lines.ts'
import type { Choices, Rollout, RolloutWish } from './git/label-choice.ts'

/** Who asks, as far as a store may care. */
export interface Asker {
  /** `X-Config-Token`: handed to Vault, never kept. */
  readonly token?: string | undefined
  /** Instance id of the client, for staged rollouts. */
  readonly instance?: string | undefined
}

/** A plain text or binary file of the configuration. */
export interface Resource {
  readonly file: string
  /** Where it really lies, from the folder that was searched; undefined where no link led elsewhere. */
  readonly linkedTo?: string | undefined
  readonly content: Buffer
  readonly modifiedMs: number
}

/** How large files may be, in bytes. */
export interface StoreLimits {
  /** Configuration files, which are parsed. */
  readonly maxFileBytes: number
  /** All others. */
  readonly maxPlainFileBytes: number
}

/** How large a plain file may be when nothing else is said: keystores and logos are, archives are not. */
export const PLAIN_FILE_BYTES = 16 * 1_048_576

export interface BackendHealth {
  readonly up: boolean
  /** What is wrong, without credentials; also set while a last good state is served. */
  readonly problem?: string | undefined
}

/** What a store that keeps history can do besides. */
export interface Versions {
  /** The newest commits of a question's label. */
  history (ask: Ask, limit: number): Promise<Commit[]>
  /** Holds a label at a commit for everyone; undefined lets it go. */
  pin (ask: Ask, commit: string | undefined): Promise<string | undefined>
  /** Gives a commit to a share of the instances; undefined ends that. */
  rollOut (ask: Ask, rollout: RolloutWish | undefined): Promise<Rollout | undefined>
  readonly choices: Choices
}

/** The values under one key of a store of secrets, for who asks; empty when there is none. */
export type ReadSecrets = (key: string, asker: Asker) => Promise<ReadonlyMap<string, Property>>

export interface Backend {
  /** What it is, for logs and health: `native file:/etc/config/`. Never holds credentials. */
  readonly description: string
  /** Resolves when the first state is known or cannot be had now; never rejects because a store is down. */
  start (): Promise<void>
  stop (): Promise<void>
  /** Names the state an answer would be made of, without any I/O; undefined when that cannot be told. */
  stamp (ask: Ask, asker: Asker): string | undefined
  /** The answer as it is now; files that are broken are named in it, never left out without a word. */
  find (ask: Ask, asker: Asker): Promise<Found>
  /**
   * The answer as it was, the youngest state first; states that cannot differ from the one after them are left out.
   * A store that keeps no history has none.
   */
  earlier? (ask: Ask, asker: Asker): AsyncIterable<State>
  readonly versions?: Versions | undefined
  /** What `{vault}:key#field` values of any store are filled from. */
  readonly secrets?: ReadSecrets | undefined
  /** Whether what lies between two stamps may concern a question; a store without this cannot tell. */
  concerns? (ask: Ask, before: string, after: string): Promise<boolean>
  /** Compares with the remote now instead of at the next interval. */
  refresh? (): Promise<void>
  /** The first of the file names that exists, looked for in each location in turn. */
  resource (ask: Ask, candidates: readonly string[], asker: Asker): Promise<Resource | undefined>
  /** Calls back whenever any stamp may have changed; returns the unwatch. */
  watch (listener: () => void): () => void
  health (): BackendHealth
}
