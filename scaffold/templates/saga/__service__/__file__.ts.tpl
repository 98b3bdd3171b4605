/**
 * The saga {{Saga}}: states, what each of them sends and waits for, and one pure function from state and input to the
 * next step. Give it to createMessaging as `sagas: [{{saga}}]`, with SAGA_TABLES in front of the service's own tables;
 * `await {{saga}}.begin(tx, emit, subject, data)` begins one in a command's transaction.
 */
import { Sagas, Schemas } from '@breakwater/messaging'

export const {{saga}}Schemas = new Schemas([
  { $id: 'other.DoIt.v1', type: 'object' },
  { $id: 'other.Done.v1', type: 'object' },
  { $id: 'other.Refused.v1', type: 'object' }
])

export const {{saga}} = new Sagas<Record<string, never>>({
  type: '{{Saga}}',
  states: {
    ASKED: { sends: 'other.DoIt.v1', replies: ['other.Done.v1', 'other.Refused.v1'], deadlineMs: 30_000 },
    DONE: { ends: true },
    REFUSED: { ends: true }
  },
  decide: ({ state }, input) => {
    switch (`${state} ${input.kind === 'reply' ? input.type : input.kind}`) {
      case 'NEW start': return { to: 'ASKED', note: 'asked', send: {} }
      case 'ASKED other.Done.v1': return { to: 'DONE', note: 'done' }
      case 'ASKED other.Refused.v1': return { to: 'REFUSED', note: 'refused' }
      case 'ASKED timeout': return { to: 'ASKED', resend: true, note: 'asked again' }
    }
  }
})
