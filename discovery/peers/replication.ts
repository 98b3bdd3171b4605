import type { Instance } from '../registry/instance.ts'
import type { InstanceState } from '../registry/state.ts'

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
  /** All that was known of it then, for a peer that understands stamps; a heartbeat has nothing new. */
  readonly state?: InstanceState | undefined
}

/** Takes what is to be told to the peers; must not wait. */
export type Replicate = (replication: Replication) => void
