import type { Facts } from './facts.ts'

/** All that one registry knows of one instance, as it tells a peer or writes it down. */
export interface InstanceState {
  readonly app: string
  readonly id: string
  readonly facts: Facts
  /** How old its lease is. Who takes it over must not make it younger, or two could keep a dead one alive for ever. */
  readonly ageMs: number
  /** Of one that came from a snapshot and was not confirmed: for how long nobody has heard of it. */
  readonly silentMs?: number | undefined
  /** When it was UP for the first time, in milliseconds since 1970. */
  readonly upAt?: number | undefined
}
