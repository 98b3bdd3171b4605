/** What is wrong with a saga's definition, as far as it can be told without running it. */
import { messagingError } from '../errors.ts'
import type { SagaWait } from './saga.ts'
import type { SagaType } from './sagas.ts'
import { deadlineOf, isWait } from './states.ts'

/** Of an uncapped doubling wait, one of these is longer than ten years. */
const ATTEMPTS = 100

/** Throws E_SAGA_STATES for states in which a saga could stand for ever. */
export function checkSaga ({ definition: { type, states } }: SagaType): void {
  const refuse = (text: string): never => { throw messagingError('E_SAGA_STATES', [text], { where: `saga ${type}` }) }
  if (Object.hasOwn(states, 'NEW')) refuse('NEW is where a saga stands before its first step, and no state of its own')
  if (Object.values(states).every(isWait)) refuse('no state ends it')
  for (const [name, state] of Object.entries(states)) {
    if (isWait(state)) checkWait(name, state, refuse)
  }
}

function checkWait (name: string, state: Partial<SagaWait>, refuse: (text: string) => never): void {
  const { sends, replies = [], deadlineMs } = state
  if (deadlineMs === undefined) return refuse(`${name} has neither an end nor a deadline, so that nothing need ever lead on`)
  if (sends !== undefined && replies.length === 0) refuse(`${name} sends ${sends} and waits for no reply to it`)
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const { fault } = deadlineOf({ deadlineMs }, attempt)
    if (fault !== undefined) refuse(`${name} ${fault}`)
  }
}
