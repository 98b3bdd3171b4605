/** What goes to the thread that checks schemas and what comes back; all of it is plain data. */

export interface Job {
  /** The text of a JSON Schema. */
  readonly schema: string
  readonly data: unknown
}

/** One rule that is broken, in the words of the library; without the value. */
export interface Fault {
  readonly instancePath: string
  readonly keyword: string
  readonly message: string | undefined
  readonly missing: string | undefined
  readonly additional: string | undefined
}

export interface Verdict {
  readonly faults: readonly Fault[]
  /** Why it is no schema. */
  readonly unusable?: string
  /** Whether that is so because it takes too long or too much memory. */
  readonly isLate?: boolean
}
