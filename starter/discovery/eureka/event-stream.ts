/** Server-sent events (WHATWG HTML 9.2.6), as much as a registry's stream needs: fields event, id, data; comments. */

export interface StreamEvent {
  readonly event: string
  readonly id: string | undefined
  readonly data: string
}

/** A snapshot of 20,000 instances is about 20 MB; a line or event beyond this is a broken or hostile server. */
export const MAX_EVENT_BYTES = 64 * 1024 * 1024

/**
 * Turns chunks of text into events. Feed it decoded text (a decoder that keeps split characters); it calls back for
 * each whole event, and for comments with nothing but the fact that the other side lives.
 */
export class EventStreamParser {
  readonly #onEvent: (event: StreamEvent) => void
  readonly #maxBytes: number
  #parts: string[] = []
  #bufferedBytes = 0
  #event = ''
  #id: string | undefined
  #data: string[] = []

  constructor (onEvent: (event: StreamEvent) => void, maxBytes = MAX_EVENT_BYTES) {
    this.#onEvent = onEvent
    this.#maxBytes = maxBytes
  }

  /** Throws RangeError when an event grows beyond the bound; the caller drops the connection. */
  feed (chunk: string): void {
    this.#bufferedBytes += chunk.length
    if (this.#bufferedBytes > this.#maxBytes) throw new RangeError(`event larger than ${this.#maxBytes} bytes`)
    let from = 0
    for (let end = chunk.indexOf('\n'); end !== -1; end = chunk.indexOf('\n', from)) {
      this.#parts.push(chunk.slice(from, end))
      this.#line(this.#parts.join('').replace(/\r$/, ''))
      this.#parts = []
      from = end + 1
    }
    // Joined only at the line's end: a long line in many chunks must not be copied once per chunk.
    if (from < chunk.length) this.#parts.push(chunk.slice(from))
  }

  #line (line: string): void {
    if (line === '') return this.#dispatch()
    const colon = line.indexOf(':')
    if (colon === 0) return
    const field = colon === -1 ? line : line.slice(0, colon)
    const value = colon === -1 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1)
    if (field === 'event') this.#event = value
    else if (field === 'id') this.#id = value
    else if (field === 'data') this.#data.push(value)
  }

  #dispatch (): void {
    const event = { event: this.#event || 'message', id: this.#id, data: this.#data.join('\n') }
    const hasData = this.#data.length > 0
    this.#event = ''
    this.#data = []
    this.#bufferedBytes = 0
    if (hasData) this.#onEvent(event)
  }
}
