/** A reader of the push stream that keeps what it is told, as a client does. */
import { get, type ClientRequest, type IncomingMessage } from 'node:http'
import type { Raw } from './instances.ts'
import { until } from './server.ts'

export interface StreamEvent {
  readonly event: string
  readonly id: string
  readonly data: { index: string, action?: string, instance?: Raw, instances?: Raw[] }
}

export class EventReader {
  readonly events: StreamEvent[] = []
  /** What the registry holds as far as this reader was told, by application and id. */
  readonly known = new Map<string, Raw>()
  comments = 0
  ended = false
  status = 0
  response: IncomingMessage | undefined
  #text = ''
  readonly #request: ClientRequest

  constructor (url: string, query = '', headers: Record<string, string> = {}) {
    const options = { headers: { accept: 'text/event-stream', ...headers }, agent: false }
    this.#request = get(`${url}/eureka/stream${query}`, options, response => {
      this.response = response
      this.status = response.statusCode ?? 0
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => this.#take(chunk))
      response.on('close', () => { this.ended = true })
      response.on('error', () => { this.ended = true })
    })
    this.#request.on('error', () => { this.ended = true })
  }

  get last (): StreamEvent | undefined {
    return this.events.at(-1)
  }

  close (): void {
    this.#request.destroy()
  }

  async received (count: number): Promise<StreamEvent[]> {
    await until(() => this.events.length >= count, `${count} events, got ${this.events.length}`)
    return this.events
  }

  #take (chunk: string): void {
    this.#text += chunk
    const blocks = this.#text.split('\n\n')
    this.#text = blocks.pop()!
    for (const block of blocks) this.#event(block)
  }

  #event (block: string): void {
    if (block.startsWith(':')) {
      this.comments++
      return
    }
    const [event, id, data] = block.split('\n').map(line => line.slice(line.indexOf(': ') + 2))
    const parsed: StreamEvent = { event: event!, id: id!, data: JSON.parse(data!) as StreamEvent['data'] }
    this.events.push(parsed)
    this.#apply(parsed)
  }

  #apply ({ event, data }: StreamEvent): void {
    if (event === 'snapshot') this.known.clear()
    for (const instance of data.instances ?? [data.instance!]) {
      const key = JSON.stringify([instance.app, instance.instanceId ?? instance.hostName])
      if (data.action === 'DELETED') this.known.delete(key)
      else this.known.set(key, instance)
    }
  }
}
