import type { Instance } from './instance.ts'

/** By whose word the book changes. */
export interface Actor {
  /** What was asked for; default: what happened to the instance. */
  readonly action?: string | undefined
  /** Who was let in, where somebody asks. */
  readonly principal?: string | undefined
  /** Where the word came from. */
  readonly address?: string | undefined
  /** Why, where a person says it. */
  readonly reason?: string | undefined
  /** What kind of speaker it is. */
  readonly by: string
}

/** Nobody spoke: a lease ran out, an override's time was over, a back end was followed. */
const OURSELVES: Actor = { by: 'registry' }

/** Who speaks at the moment. What changes the book waits for nothing, so there is one at a time. */
export class Speaker {
  actor = OURSELVES

  /** Whatever changes within `work` changes by this one's word. */
  as<Result> (actor: Actor, work: () => Result): Result {
    const before = this.actor
    this.actor = actor
    try {
      return work()
    } finally {
      this.actor = before
    }
  }
}

/** Writes a change down. */
export type Audit = (line: Actor & { readonly audit: string, readonly app: string, readonly id: string }) => void

/** The line of a change. */
export function auditLine ({ app, id, action: happened }: Instance, { action, ...actor }: Actor): Parameters<Audit>[0] {
  return { audit: action ?? happened.toLowerCase(), app, id, ...actor }
}
