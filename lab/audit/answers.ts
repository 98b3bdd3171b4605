/** Cuts what a server has sent into its HTTP/1 answers, as a client that trusts their framing would. */

export interface Answer {
  readonly status: number
  readonly head: string
  readonly body: string
}

/** Complete answers, in order, without interim ones. `ended`: so is a body that lasts as long as the connection. */
export function answersIn (text: string, ended: boolean, method = 'GET'): Answer[] {
  const found: Answer[] = []
  for (let rest = text; ;) {
    const headEnd = rest.indexOf('\r\n\r\n')
    const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(rest)?.[1] ?? NaN)
    if (headEnd < 0 || Number.isNaN(status)) return found
    const head = rest.slice(0, headEnd + 4)
    const after = rest.slice(head.length)
    const length = status < 200 && status !== 101 ? 0 : lengthOf(head, after, status, method, ended)
    if (length === undefined || after.length < length) return found
    if (status >= 200 || status === 101) found.push({ status, head, body: after.slice(0, length) })
    rest = after.slice(length)
  }
}

function lengthOf (head: string, after: string, status: number, method: string, ended: boolean): number | undefined {
  if (method === 'HEAD' || status === 204 || status === 304) return 0
  if (/^transfer-encoding:.*chunked/im.test(head)) {
    const last = /(?:^|\r\n)0\r\n(?:[^\r\n]+\r\n)*\r\n/.exec(after)
    return last === null ? undefined : last.index + last[0].length
  }
  const length = /^content-length: *(\d+)/im.exec(head)?.[1]
  if (length !== undefined) return Number(length)
  return ended ? after.length : undefined
}
