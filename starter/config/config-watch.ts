import { setTimeout as sleep } from 'node:timers/promises'
import { request } from '../http/undici.ts'
import type { Agent, Dispatcher } from 'undici'
import { EventStreamParser } from './event-stream.ts'
import { reason } from './fetch-environment.ts'
import type { ConfigClientOptions, ConfigServerAddress } from './options.ts'
import { environmentPath, getText, requestHeaders } from './server-request.ts'

/** What is watched: the last reading, and where the next may come from. */
export interface WatchTarget {
  readonly server: ConfigServerAddress
  readonly label: string
  readonly etag: string | undefined
  /** The answer in use; undefined when it is not what this server said last. */
  readonly text: string | undefined
}

export interface WatchOptions {
  readonly agent: Agent
  readonly options: ConfigClientOptions
  /** Finds a server to hold on to, another one when the last failed; may ask the registry. */
  readonly target: (lastFailed: boolean) => Promise<WatchTarget>
  readonly changed: () => void
  readonly warn: (text: string) => void
  readonly random?: () => number
}

/** The server sends a heartbeat every 15 s; after three of them missing the stream is taken for dead. */
const SILENCE_MS = 45_000
const LONG_POLL_SECONDS = 60
const BACKOFF_MS = { first: 500, longest: 30_000 }
/** A server without push may have been replaced by one that has it: after so many polls the stream is tried again. */
const POLLS_BEFORE_STREAM = 10

type Mode = 'stream' | 'long poll' | 'poll'

/**
 * Tells when the configuration at the server may have changed. Holds an event stream; where something on the way
 * keeps events back it polls long; where the server has no push (Spring's has none) it asks now and then. A server
 * that is gone is tried again for ever, with growing pauses, and is told of once.
 */
export class ConfigWatch {
  readonly #watch: WatchOptions
  readonly #random: () => number
  readonly #stop = new AbortController()
  #mode: Mode = 'stream'
  #etag: string | undefined
  #text: string | undefined
  #polls = 0
  #isDown = false

  constructor (watch: WatchOptions) {
    this.#watch = watch
    this.#random = watch.random ?? Math.random
  }

  start (): void {
    void this.#run()
  }

  stop (): void {
    this.#stop.abort()
  }

  async #run (): Promise<void> {
    for (let failures = 0; !this.#stop.signal.aborted;) {
      try {
        await this.#once(failures > 0)
        failures = 0
      } catch (failure) {
        failures++
        this.#warnOnce(failure)
      }
      await this.#pause(failures)
    }
  }

  #warnOnce (failure: unknown): void {
    if (this.#isDown || this.#stop.signal.aborted) return
    this.#isDown = true
    this.#watch.warn(`the config server cannot be watched (${reason(failure)}); settings stay as they are until it answers`)
  }

  /** Full jitter, so that a thousand services do not come back in the same moment. */
  async #pause (failures: number): Promise<void> {
    const longest = Math.min(BACKOFF_MS.first * 2 ** failures, BACKOFF_MS.longest)
    await sleep(longest * this.#random(), undefined, { signal: this.#stop.signal, ref: false }).catch(() => {})
  }

  async #once (lastFailed: boolean): Promise<void> {
    const target = await this.#watch.target(lastFailed)
    this.#etag ??= target.etag
    this.#text ??= target.text
    switch (this.#mode) {
      case 'stream': return await this.#stream(target)
      case 'long poll': return await this.#longPoll(target)
      case 'poll': return await this.#poll(target)
    }
  }

  /** The server answers again: what was missed meanwhile is read now. */
  #isBack (target: WatchTarget): void {
    const missed = this.#isDown || target.text === undefined
    this.#isDown = false
    if (missed) this.#watch.changed()
  }

  #watchUrl ({ server, label }: WatchTarget): string {
    return `${server.url}/_config/watch${environmentPath(this.#watch.options, label)}`
  }

  async #stream (target: WatchTarget): Promise<void> {
    const silence = new Silence(this.#stop.signal)
    let response: Dispatcher.ResponseData | undefined
    try {
      response = await request(this.#watchUrl(target), {
        dispatcher: this.#watch.agent,
        signal: silence.signal,
        headersTimeout: SILENCE_MS,
        bodyTimeout: 0,
        headers: {
          ...requestHeaders(this.#watch.options, target.server, undefined),
          'accept': 'text/event-stream',
          ...(this.#etag === undefined ? {} : { 'last-event-id': this.#etag })
        }
      })
      refuse(response.statusCode)
      if (!String(response.headers['content-type']).startsWith('text/event-stream')) {
        this.#mode = response.statusCode === 200 ? 'long poll' : 'poll'
        return
      }
      this.#isBack(target)
      await this.#events(response.body, silence)
    } catch (failure) {
      if (!silence.isSilent) throw failure
      this.#mode = silence.hasHeard ? 'stream' : 'long poll'
    } finally {
      silence.end()
      // A body that is not read to its end takes its connection with it, and says so by an event.
      response?.body.on('error', () => {}).destroy()
    }
  }

  async #events (body: AsyncIterable<Buffer>, silence: Silence): Promise<void> {
    const parser = new EventStreamParser()
    const decoder = new TextDecoder()
    for await (const chunk of body) {
      silence.heard()
      for (const event of parser.push(decoder.decode(chunk, { stream: true }))) {
        if (event.event !== 'change') continue
        this.#etag = event.id || undefined
        this.#watch.changed()
      }
    }
  }

  async #longPoll (target: WatchTarget): Promise<void> {
    const { agent, options } = this.#watch
    const answer = await getText(agent, `${this.#watchUrl(target)}?wait=${LONG_POLL_SECONDS}s`, {
      ...requestHeaders(options, target.server, undefined),
      ...(this.#etag === undefined ? {} : { 'if-none-match': this.#etag })
    }, this.#stop.signal, LONG_POLL_SECONDS * 1_000 + options.readTimeoutMs)
    refuse(answer.status)
    // Whatever answers without a tag knows nothing of waiting, and would be asked again and again.
    if (answer.status >= 400 || answer.etag === undefined) {
      this.#mode = 'poll'
      return
    }
    this.#isBack(target)
    const isNew = answer.status === 200 && answer.etag !== this.#etag
    this.#etag = answer.etag
    if (isNew) this.#watch.changed()
  }

  async #poll (target: WatchTarget): Promise<void> {
    await sleep(this.#watch.options.watch.pollIntervalMs, undefined, { signal: this.#stop.signal, ref: false })
    const { options, agent } = this.#watch
    const url = target.server.url + environmentPath(options, target.label)
    const answer = await getText(agent, url, requestHeaders(options, target.server, undefined), this.#stop.signal)
    if (answer.status !== 200) throw new Error(`status ${answer.status}`)
    this.#isBack(target)
    if (answer.text !== this.#text) this.#watch.changed()
    this.#text = answer.text
    if (++this.#polls % POLLS_BEFORE_STREAM === 0) this.#mode = 'stream'
  }
}

/** A server in trouble, or one that does not let us in, is tried again later; it may have push all the same. */
function refuse (status: number): void {
  if (status >= 500 || status === 401 || status === 403) throw new Error(`status ${status}`)
}

/** Ends a request on which nothing was heard for too long. */
class Silence {
  readonly #controller = new AbortController()
  readonly #outer: AbortSignal
  readonly #onOuter = (): void => this.#controller.abort()
  #timer: NodeJS.Timeout
  isSilent = false
  hasHeard = false

  constructor (outer: AbortSignal) {
    this.#outer = outer
    outer.addEventListener('abort', this.#onOuter, { once: true })
    this.#timer = this.#wait()
  }

  get signal (): AbortSignal {
    return this.#controller.signal
  }

  heard (): void {
    this.hasHeard = true
    clearTimeout(this.#timer)
    this.#timer = this.#wait()
  }

  #wait (): NodeJS.Timeout {
    return setTimeout(() => {
      this.isSilent = true
      this.#controller.abort()
    }, SILENCE_MS).unref()
  }

  end (): void {
    clearTimeout(this.#timer)
    this.#outer.removeEventListener('abort', this.#onOuter)
  }
}
