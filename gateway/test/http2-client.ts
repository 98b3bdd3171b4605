/** An HTTP/2 client's side of one exchange. */
import type { ClientHttp2Session, IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http2'

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly trailers: IncomingHttpHeaders
  readonly body: string
  readonly rstCode: number
}

/** Resolves when the stream has closed, however it ended. */
export async function ask (session: ClientHttp2Session, headers: OutgoingHttpHeaders, body?: string): Promise<Answer> {
  const stream = session.request(headers, { endStream: body === undefined })
  let response: IncomingHttpHeaders = {}
  let trailers: IncomingHttpHeaders = {}
  let text = ''
  stream.on('response', (fields) => { response = fields })
  stream.on('trailers', (fields) => { trailers = fields })
  stream.setEncoding('latin1')
  stream.on('data', (chunk: string) => { text += chunk })
  stream.on('error', () => {})
  if (body !== undefined) stream.end(body)
  await new Promise((resolve) => stream.on('close', resolve))
  return { status: Number(response[':status']), headers: response, trailers, body: text, rstCode: stream.rstCode ?? 0 }
}
