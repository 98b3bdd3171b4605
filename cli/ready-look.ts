/** Whether each service can be called through the gateway: what "ready" means to whoever calls. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { ProcessSpec } from './supervisor/process-spec.ts'

const EVERY_MS = 100
const ANSWER_MS = 5000
/** The gateway's words for "there is nobody". */
const NOBODY: readonly number[] = [502, 503, 504]

/** Calls until all have answered; what has not by then, each with the last answer. */
export async function whatIsMissing (
  gateway: string, plan: readonly ProcessSpec[], deadlineMs: number, signal: AbortSignal
): Promise<string[]> {
  const checks = new Map(plan.flatMap(({ service, check }) => check === undefined ? [] : [[service, check]]))
  const until = performance.now() + deadlineMs
  const results = await Promise.all([...checks].map(async ([service, path]) => {
    for (;;) {
      const refusal = await ask(`${gateway}${path}`)
      if (refusal === undefined || signal.aborted) return []
      if (performance.now() > until) return [`${service}: GET ${path} got ${refusal}`]
      await sleep(EVERY_MS, undefined, { signal }).catch(() => {})
    }
  }))
  return results.flat()
}

/** Undefined when the service has answered, whatever it said. */
async function ask (url: string): Promise<string | undefined> {
  try {
    const response = await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(ANSWER_MS) })
    const text = (await response.text()).slice(0, 300)
    if (NOBODY.includes(response.status)) return `${response.status} ${text}`
    return response.status === 404 && isGatewaysOwn(text) ? '404: the gateway has no such route' : undefined
  } catch (cause) {
    return String((cause as Error).message)
  }
}

/** Spring's error document, which the gateway writes and services of ours do not. */
function isGatewaysOwn (text: string): boolean {
  return text.startsWith('{"timestamp":') && text.includes('"requestId":')
}
