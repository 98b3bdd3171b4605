/** Which of the two environment forms a client gets: Spring clients ask for v2 by name, all others must get v1. */

export const V1 = 'application/json'
export const V2 = 'application/vnd.spring-cloud.config-server.v2+json'

interface Range {
  readonly type: string
  readonly quality: number
}

/** `v1`, `v2`, or undefined when the client takes neither (406). */
export function chooseForm (accept: string | undefined): 'v1' | 'v2' | undefined {
  if (accept === undefined || accept === '' || accept === '*/*' || accept === V1) return 'v1'
  if (accept === V2) return 'v2'
  const ranges = accept.split(',').slice(0, 64).map(readRange)
  const v1 = qualityOf(ranges, V1)
  const v2 = qualityOf(ranges, V2)
  if (v1 === 0 && v2 === 0) return undefined
  if (v1 !== v2) return v1 > v2 ? 'v1' : 'v2'
  return namedFirst(ranges)
}

function readRange (text: string): Range {
  const [type = '', ...parameters] = text.split(';').map(part => part.trim().toLowerCase())
  const quality = Number(parameters.find(parameter => parameter.startsWith('q='))?.slice(2) ?? 1)
  return { type, quality: quality >= 0 && quality <= 1 ? quality : 0 }
}

// The most exact range that fits a type decides its quality (RFC 9110 12.5.1).
function qualityOf (ranges: readonly Range[], type: string): number {
  for (const candidate of [type, 'application/*', '*/*']) {
    const range = ranges.find(one => one.type === candidate)
    if (range !== undefined) return range.quality
  }
  return 0
}

function namedFirst (ranges: readonly Range[]): 'v1' | 'v2' {
  return ranges.find(range => range.type === V1 || range.type === V2)?.type === V2 ? 'v2' : 'v1'
}
