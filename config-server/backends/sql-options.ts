/** How a database is asked, with Spring's statements as the default. */

export interface SqlOptions {
  /** `postgresql://host:5432/database`, without credentials. */
  readonly url: string
  readonly username?: string | undefined
  readonly password?: string | undefined
  /** With `?` for application, profile and label, in this order. */
  readonly sql: string
  /** With `?` for application and label. */
  readonly sqlWithoutProfile: string
  /** @default 'master' */
  readonly defaultLabel: string
  /** @default 5000 */
  readonly timeoutMs: number
}

export const SQL_DEFAULTS: Omit<SqlOptions, 'url'> = {
  sql: 'SELECT "KEY", "VALUE" from PROPERTIES where APPLICATION=? and PROFILE=? and LABEL=?',
  sqlWithoutProfile: 'SELECT "KEY", "VALUE" from PROPERTIES where APPLICATION=? and PROFILE is null and LABEL=?',
  defaultLabel: 'master',
  timeoutMs: 5_000
}
