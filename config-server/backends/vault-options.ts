/** How Vault is reached, Spring's keys below `spring.cloud.config.server.vault`. */

/** How the server gets a token of its own. */
export type VaultLogin =
  | { readonly method: 'APPROLE', readonly path: string, readonly roleId: string, readonly secretId: string }
  | { readonly method: 'KUBERNETES', readonly path: string, readonly role: string, readonly tokenFile: string }

export interface VaultOptions {
  /** `http://127.0.0.1:8200` */
  readonly url: string
  /** Mount of the engine. @default 'secret' */
  readonly backend: string
  /** Read for every application. @default 'application' */
  readonly defaultKey: string
  /** @default ',' */
  readonly profileSeparator: string
  /** @default 1 */
  readonly kvVersion: 1 | 2
  /** Version 2 only: put before the key. @default none */
  readonly pathToKey?: string | undefined
  readonly namespace?: string | undefined
  readonly token?: string | undefined
  /** `authentication`: APPROLE or KUBERNETES. @default none: the token, or each caller's own */
  readonly login?: VaultLogin | undefined
  /** Whether the label is a part of the key. @default false */
  readonly enableLabel: boolean
  /** @default 'main' */
  readonly defaultLabel: string
  /** @default 5000 */
  readonly timeoutMs: number
}

export const VAULT_DEFAULTS: VaultOptions = {
  url: 'http://127.0.0.1:8200',
  backend: 'secret',
  defaultKey: 'application',
  profileSeparator: ',',
  kvVersion: 1,
  enableLabel: false,
  defaultLabel: 'main',
  timeoutMs: 5_000
}
