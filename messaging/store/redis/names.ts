/** The keys of one service's store; one hash slot, because of the braces. */
export interface RedisNames {
  readonly data: string
  readonly index: string
  readonly relay: string
  /** A commit's place, where its second sending is known. */
  readonly slot: (instance: string, slot: string | number) => string
}

export function namesOf (name: string): RedisNames {
  return { data: `{${name}}:data`, index: `{${name}}:index`, relay: `{${name}}:relay`,
    slot: (instance, slot) => `{${name}}:done:${instance}:${slot}` }
}

/** Whether a key is one of a store of ours, whichever service's. */
export function isOurs (key: string): boolean {
  return /^\{.*\}:(?:data|index|relay|done:.*)$/s.test(key)
}
