import type { Instance, Status } from '../registry/instance.ts'

/** What a registry tells its peers, in Eureka's words. */
export type ReplicationAction = 'Register' | 'Heartbeat' | 'Cancel' | 'StatusUpdate' | 'DeleteStatusOverride'

/**
 * One thing that a client did here and that the peers have to hear. It holds the instance as it was then: instances
 * never change, so a later change cannot alter what is still waiting to be sent (Eureka's own queue has that defect).
 */
export interface Replication {
  readonly action: ReplicationAction
  readonly app: string
  readonly id: string
  /** As it was then; of a cancelled one, as it was last. */
  readonly instance: Instance
  /** The status that was set or that remains after an override was cleared. */
  readonly status?: Status | undefined
}

/** Takes what is to be told to the peers; must not wait. */
export type Replicate = (replication: Replication) => void
