/** A service that a saga talks to and that is not there: commands in, answers out. */
import type { Envelope } from '../envelope.ts'
import type { MessageRoute } from '../parts.ts'
import type { Schemas } from '../schemas.ts'
import type { KeyValueTx } from '../store/store.ts'
import type { ServiceDefinition } from './service-node.ts'

export interface Reply {
  readonly type: string
  readonly data: Record<string, unknown>
}

/** Undefined is silence. */
export type Answer = (data: Readonly<Record<string, unknown>>, command: Envelope) => Reply | undefined

/** What is answered, by the command's type. */
export type Answers = Readonly<Record<string, Answer>>

/** It answers each command once, and a second delivery with the same reply, as a service of messaging does. */
export function participant (schemas: Schemas, answers: Answers): ServiceDefinition<KeyValueTx> {
  const route = (answer: Answer): MessageRoute<KeyValueTx> => ({
    kind: 'command',
    handle: async (command, _tx, emit) => {
      const reply = answer(command.data, command)
      if (reply === undefined) return
      await emit.event({ ...reply, subject: command.subject, aggregateType: 'reply', aggregateVersion: 1 })
    }
  })
  return host => ({ store: host.openKeyValueStore(), schemas,
    routes: Object.fromEntries(Object.entries(answers).map(([type, answer]) => [type, route(answer)])) })
}
