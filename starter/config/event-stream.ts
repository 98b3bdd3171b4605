/** One server-sent event. */
export interface StreamEvent {
  readonly event: string
  readonly data: string
  readonly id: string
}

/** Longest event that is taken; a stream that sends more is broken or hostile. */
const MAX_CHARS = 1_048_576

/** Splits a text stream into server-sent events (WHATWG HTML, "Interpreting an event stream"). */
export class EventStreamParser {
  #rest = ''
  #event = ''
  #data: string[] = []
  #id = ''

  /** The events that this piece of text completes. */
  push (text: string): StreamEvent[] {
    const lines = (this.#rest + text).split(/\r\n|\n|\r(?!$)/)
    this.#rest = lines.pop() ?? ''
    if (this.#rest.length > MAX_CHARS) throw new RangeError('an event of the stream is too long')
    return lines.map(line => this.#line(line)).filter(event => event !== undefined)
  }

  #line (line: string): StreamEvent | undefined {
    if (line === '') return this.#dispatch()
    const [, field = '', value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? []
    if (field === 'event') this.#event = value
    else if (field === 'data') this.#data.push(value)
    else if (field === 'id' && !value.includes('\0')) this.#id = value
    if (this.#data.length > 10_000) throw new RangeError('an event of the stream has too many lines')
    return undefined
  }

  #dispatch (): StreamEvent | undefined {
    const event = { event: this.#event || 'message', data: this.#data.join('\n'), id: this.#id }
    const isEmpty = this.#data.length === 0
    this.#event = ''
    this.#data = []
    return isEmpty ? undefined : event
  }
}
