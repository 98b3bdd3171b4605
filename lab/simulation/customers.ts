/**
 * Customers and operators, each request from a promise to its end: who gets no answer, or "not now", repeats with the
 * same key until there is one, as the platform's promise allows.
 */
import type { HttpAnswer } from '@breakwater/messaging/testing'
import type { Entry } from '../workload/client-log.ts'
import type { ServiceName } from './names.ts'
import type { Stage } from './stage.ts'

export interface Asked extends Pick<Entry, 'kind' | 'path' | 'body'> {
  readonly service: ServiceName
  readonly method: 'POST' | 'PUT'
  readonly onAnswer?: (answer: HttpAnswer) => void
}

const ANSWER_MS = 5000
const AGAIN_MS = 700

/** Asks until there is an answer that stands. */
export function must (stage: Stage, asked: Asked): void {
  const { kind, path, body, service, onAnswer } = asked
  const entry: Entry = { n: stage.log.length + 1, kind, path, body, key: `key-${stage.log.length + 1}`, answers: [], silent: 0 }
  stage.log.push(entry)
  const request = { method: asked.method, path, body, headers: { 'idempotency-key': entry.key } }
  const again = (why: string): void => {
    stage.count(`repeated: ${why}`)
    stage.after(AGAIN_MS, attempt)
  }
  const attempt = (): void => {
    stage.ask(service, request, ANSWER_MS).then(answer => {
      entry.answers.push({ status: answer.status, body: answer.body })
      const { status, body: { code, orderId, userId } } = answer
      stage.note('customer', `${asked.method} ${path} ${entry.key}: ${status} ${JSON.stringify({ code, orderId, userId })}`)
      if (answer.headers['idempotency-replayed'] === 'true') stage.count('answers replayed')
      if (answer.status >= 400) stage.count(`told: ${String(answer.body.code)}`)
      if (repeatable(answer)) again(String(answer.body.code))
      else onAnswer?.(answer)
    }, (error: unknown) => {
      entry.silent++
      again(error instanceof Error ? error.message : String(error))
    })
  }
  attempt()
}

function repeatable ({ status, body }: HttpAnswer): boolean {
  return status >= 500 || body.code === 'E_KEY_IN_FLIGHT'
}

/** Who still waits for an answer that stands. */
export function unanswered (log: readonly Entry[]): Entry[] {
  return log.filter(({ answers }) => !answers.some(({ status, body }) => !repeatable({ status, body, headers: {}, text: '' })))
}
