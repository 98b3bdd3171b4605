import type { FormName } from './forms.ts'

/** The headers that choose the form of an answer. */
export interface AcceptHeaders {
  readonly accept?: string | undefined
  readonly 'accept-encoding'?: string | undefined
  readonly 'x-eureka-accept'?: string | string[] | undefined
}

const COMPACT = /^compact$/i
const GZIP = /\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))/i

/**
 * Which form a client gets; undefined when it takes none. JSON only when asked for, because clients that send no
 * `Accept` (Python's) expect XML; a browser's list, which names XML or anything, gets XML as well.
 */
export function chooseForm (headers: AcceptHeaders): FormName | undefined {
  const compact = typeof headers['x-eureka-accept'] === 'string' && COMPACT.test(headers['x-eureka-accept'].trim())
  const encoding = chooseEncoding(headers.accept)
  return encoding === undefined || !compact ? encoding : `${encoding}-compact`
}

/** Whether the answer may be packed. */
export function acceptsGzip (headers: AcceptHeaders): boolean {
  const accepted = headers['accept-encoding']
  return accepted !== undefined && GZIP.test(accepted)
}

function chooseEncoding (accept: string | undefined): 'json' | 'xml' | undefined {
  if (accept === undefined || accept === '') return 'xml'
  const wanted = accept.toLowerCase()
  if (wanted.includes('json')) return 'json'
  return wanted.includes('xml') || wanted.includes('*/*') || wanted.includes('application/*') ? 'xml' : undefined
}
