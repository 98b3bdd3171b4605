import type { ServerResponse } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'

/** More open pages than this are refused; each costs a line a second. */
const MAX_VIEWERS = 100

/**
 * The open pages. Each gets the overview when it may have changed, at most once a second; a page that does not read
 * misses some, which is no loss, because each says all.
 */
export class Viewers {
  readonly #overview: () => object
  readonly #intervalMs: number
  readonly #responses = new Set<ServerResponse>()
  #timer: NodeJS.Timeout | undefined

  constructor (overview: () => object, intervalMs: number) {
    this.#overview = overview
    this.#intervalMs = intervalMs
  }

  add (_request: FastifyRequest, reply: FastifyReply): FastifyReply | void {
    if (this.#responses.size >= MAX_VIEWERS) return reply.code(503).send()
    reply.hijack()
    const response = reply.raw
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-store', 'x-accel-buffering': 'no' })
    response.on('close', () => this.#remove(response))
    response.on('error', () => this.#remove(response))
    this.#responses.add(response)
    response.write(this.#event())
    this.#timer ??= setInterval(() => this.#tell(), this.#intervalMs)
  }

  stop (): void {
    for (const response of this.#responses) response.end()
    this.#responses.clear()
    this.#rest()
  }

  #tell (): void {
    const event = this.#event()
    for (const response of this.#responses) if (!response.writableNeedDrain) response.write(event)
  }

  #event (): string {
    return `data: ${JSON.stringify(this.#overview())}\n\n`
  }

  #remove (response: ServerResponse): void {
    this.#responses.delete(response)
    if (this.#responses.size === 0) this.#rest()
  }

  /** With nobody looking there is nothing to do. */
  #rest (): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}
