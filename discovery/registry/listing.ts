import type { Change } from './change-log.ts'
import type { Instance } from './instance.ts'
import type { StatusCounter } from './status.ts'

/** An application as a list shows it. `version` changes with every change to any of its instances. */
export interface ListedApplication {
  readonly name: string
  readonly version: number
  readonly leases: ReadonlyMap<string, { readonly instance: Instance }>
}

/** What a list is made from: this registry's book, or that together with those of other regions. */
export interface Listing {
  readonly apps: ReadonlyMap<string, ListedApplication>
  readonly log: { readonly n: number }
  readonly statuses: StatusCounter
  readonly size: number
  readonly startedAt: number
  /** Changes of the time that Eureka's delta covers; undefined when they are not all known. */
  delta (): Change[] | undefined
}
