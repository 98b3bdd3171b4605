/** Whether what happened is what must happen. */
import type { Must } from './attack.ts'
import type { Exchange } from './exchange.ts'

export interface Seen {
  readonly exchange: Exchange
  /** Requests with the attack's mark that reached the instance. */
  readonly heard: readonly string[]
  /** What was logged. */
  readonly logs: () => string
}

/** What is wrong, in words; empty: nothing. The expectations have their words filled in. */
export function judge (must: Must, { exchange, heard, logs }: Seen): string[] {
  const { answers, text, bytes, endedMs } = exchange
  const last = answers.at(-1)
  const faults: string[] = []
  const want = (holds: boolean, fault: string): void => { if (!holds) faults.push(fault) }
  if (must.refused) want(isRefusal(exchange), `it is answered by ${answers[0]?.status ?? 'nothing, and the connection stays open'}`)
  if (must.status !== undefined) {
    want(last !== undefined && must.status.includes(last.status), `the answer is ${last?.status ?? 'none'}, and not ${must.status.join(' or ')}`)
  }
  for (const one of must.lacks ?? []) want(!text.includes(one), `the answer says ${JSON.stringify(one)}`)
  for (const one of must.has ?? []) want(text.includes(one), `the answer does not say ${JSON.stringify(one)}`)
  for (const one of must.unheard ?? []) {
    const found = heard.find(request => new RegExp(one, 'i').test(request))
    want(found === undefined, `the instance got ${JSON.stringify(found?.slice(0, 200))}`)
  }
  if (must.heard !== undefined) {
    const found = heard.some(request => must.heard?.every(one => request.includes(one)))
    want(found, `the instance got no request with ${must.heard.map(one => JSON.stringify(one)).join(' and ')}`)
  }
  if (must.endsWithinMs !== undefined) {
    want(endedMs !== undefined && endedMs <= must.endsWithinMs, endedMs === undefined
      ? 'the connection stays open' : `the connection ends after ${Math.round(endedMs)} ms only`)
  }
  if (must.maxAnswerBytes !== undefined) want(bytes <= must.maxAnswerBytes, `${bytes} bytes came back`)
  if (must.logged !== undefined) want(logs().includes(must.logged), `nobody has logged ${JSON.stringify(must.logged)}`)
  for (const one of must.unlogged ?? []) want(!logs().includes(one), `it is logged: ${around(logs(), one)}`)
  return faults
}

function around (text: string, found: string): string {
  const at = text.indexOf(found)
  return JSON.stringify(text.slice(Math.max(0, at - 120), at + found.length))
}

/** Later answers on the connection are of further requests in the same bytes, and none of them may be served either. */
function isRefusal ({ answers, endedMs }: Exchange): boolean {
  if (answers.length === 0) return endedMs !== undefined
  return answers.every(({ status }) => status >= 400)
}
