/** What is laid before both config servers: a folder of files, and requests. */

/** Stands in answers for the folder that is searched, which is another one at each run. */
export const ROOT = '@ROOT@'

export interface ConfigQuestion {
  readonly method: string
  readonly path: string
  readonly accept: string
  readonly body?: string
}

export interface ConfigCase {
  readonly files: Readonly<Record<string, string>>
  readonly questions: readonly ConfigQuestion[]
}

export interface ConfigAnswer {
  readonly status: number
  /** Media type and body; of an error neither, as there is a time in it. */
  readonly type?: string
  readonly body?: string
  /** Of 405. */
  readonly allow?: string
}

/** The key of both servers. */
export const KEY = 'pie'
