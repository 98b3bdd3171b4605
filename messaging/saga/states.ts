/** What the states of a saga say, asked in one place. */
import { serviceOf } from '../envelope.ts'
import type { SagaDefinition, SagaEnd, SagaWait } from './saga.ts'

/** Ten years: what is longer was never meant. */
const MAX_DEADLINE_MS = 10 * 366 * 24 * 3_600_000

export function isWait (state: SagaWait | SagaEnd | undefined): state is SagaWait {
  return state !== undefined && !('ends' in state)
}

/** The state of that name, if there is one. */
export function stateOf (states: SagaDefinition<never>['states'], name: string): SagaWait | SagaEnd | undefined {
  return Object.hasOwn(states, name) ? states[name] : undefined
}

/** The types that the states wait for, and who publishes them. */
export function repliesOf (states: SagaDefinition<never>['states']): Array<{ service: string, type: string }> {
  return Object.values(states).filter(isWait).flatMap(({ sends, replies = [] }) =>
    replies.map(type => ({ service: serviceOf(sends ?? type), type })))
}

/**
 * How long a state waits at an attempt. Whole, because the stores' columns are; in range, because a saga whose time
 * never comes would wait for ever in silence.
 */
export function deadlineOf ({ deadlineMs }: SagaWait, attempt: number): { ms: number, fault: string | undefined } {
  const ms = Math.round(typeof deadlineMs === 'number' ? deadlineMs : deadlineMs(attempt))
  const isGood = ms >= 1 && ms <= MAX_DEADLINE_MS
  return { ms, fault: isGood
    ? undefined
    : `has a deadline of ${ms} ms at attempt ${attempt}; 1 to ${MAX_DEADLINE_MS} are possible` }
}
