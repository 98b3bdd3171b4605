/** The settings of one git repository, Spring's keys below `spring.cloud.config.server.git`. */

export interface GitCredentials {
  readonly username?: string | undefined
  readonly password?: string | undefined
  /** Of the private key. */
  readonly passphrase?: string | undefined
  /** PEM text of an ssh key. @default none: the user's own ssh settings */
  readonly privateKey?: string | undefined
  /** `type base64`, as in a known_hosts line without its names. */
  readonly hostKey?: string | undefined
  readonly knownHostsFile?: string | undefined
  /** @default true */
  readonly strictHostKeyChecking: boolean
  /** @default false */
  readonly ignoreLocalSshSettings: boolean
  /** @default false */
  readonly skipSslValidation: boolean
  /** `http://proxy:3128`. @default none */
  readonly proxy?: string | undefined
  /** Hosts that are reached without it, `*.example.org` too. @default none */
  readonly nonProxyHosts?: readonly string[] | undefined
  /** Ways into an ssh server in their order: `publickey,password`. @default ssh's own */
  readonly preferredAuthentications?: readonly string[] | undefined
}

export interface RepositoryOptions {
  /** May hold `{application}`, `{profile}`, `{label}` after the host. */
  readonly uri: string
  /** @default 'main' */
  readonly defaultLabel: string
  /** Whether `master` stands in for a missing `main`. @default true */
  readonly tryMasterBranch: boolean
  /** Searched after the root; `*` matches inside a folder name. @default none */
  readonly searchPaths: readonly string[]
  /** How long a fetch may neither receive nor work; one that goes on may take any time. @default 5000 */
  readonly timeoutMs: number
  /** Time between two fetches, varied by a tenth; 0 means never on its own. @default 5000 */
  readonly refreshMs: number
  readonly credentials: GitCredentials
  /** Several labels: whether one that is missing is left out instead of a 404. @default false */
  readonly continueOnMultipleLabelFailure: boolean
  /** Files only: whether the last location is searched first. @default false */
  readonly reverseLocationOrder: boolean
}

export interface PatternRepository extends RepositoryOptions {
  readonly id: string
  /** `application/profile` with `*`. */
  readonly patterns: readonly string[]
}

export interface GitOptions extends RepositoryOptions {
  /** Where mirrors are kept; what survives a restart is served at once after it. @default a temporary folder */
  readonly basedir?: string | undefined
  readonly repos: readonly PatternRepository[]
  /** Configuration files that are larger are refused. */
  readonly maxFileBytes: number
  /** Other files that are larger are refused. @default 16 MiB */
  readonly maxPlainFileBytes?: number | undefined
}

export const REPOSITORY_DEFAULTS: Omit<RepositoryOptions, 'uri'> = {
  defaultLabel: 'main',
  tryMasterBranch: true,
  searchPaths: [],
  timeoutMs: 5_000,
  refreshMs: 5_000,
  credentials: { strictHostKeyChecking: true, ignoreLocalSshSettings: false, skipSslValidation: false },
  continueOnMultipleLabelFailure: false,
  reverseLocationOrder: false
}
