/** An exchange without a connection: for explain, and for tests of predicates and filters. */
import type { Exchange, ExchangeFailure, Variables } from '../exchange.ts'
import type { Instance } from '../upstream/upstream.ts'
import type { ClientCertificate } from '../security/client-certificate.ts'
import type { ExplainQuestion } from './explain.ts'
import type { Route } from './route.ts'

export class ProbeExchange implements Exchange {
  readonly method: string
  readonly rawPath: string
  readonly rawQuery: string
  readonly host: string
  readonly remoteAddress: string
  readonly secure: boolean
  readonly startedMs: number
  readonly requestId: string
  readonly clientCertificate: ClientCertificate | undefined = undefined
  path: string
  query: string
  upstreamHost: string | undefined = undefined
  upstreamUri: string | undefined = undefined
  declare route: Route
  variables: Variables | null = null
  attributes: Map<string, unknown> | null = null
  failure: ExchangeFailure | undefined = undefined
  instance: Instance | undefined = undefined
  readonly tried: Instance[] = []
  attempt = 0
  status = 200
  readonly request = new Map<string, string[]>()
  readonly response = new Map<string, string[]>()

  constructor (question: ExplainQuestion, nowMs: number, requestId = 'probe') {
    const url = question.url.replace(/^[a-z]+:\/\/[^/?]*/i, '')
    const at = url.indexOf('?')
    this.method = question.method
    this.rawPath = this.path = (at < 0 ? url : url.slice(0, at)) || '/'
    this.rawQuery = this.query = at < 0 ? '' : url.slice(at + 1)
    for (const [name, value] of Object.entries(question.headers)) this.addHeader(name.toLowerCase(), value)
    this.host = this.header('host') ?? /^[a-z]+:\/\/([^/?]*)/i.exec(question.url)?.[1] ?? ''
    this.secure = question.url.startsWith('https:')
    this.remoteAddress = question.remoteAddress ?? '127.0.0.1'
    this.startedMs = nowMs
    this.requestId = requestId
  }

  header (name: string): string | undefined { return this.request.get(name)?.[0] }
  headerValues (name: string): readonly string[] { return this.request.get(name) ?? [] }
  headerNames (): readonly string[] { return [...this.request.keys()] }
  setHeader (name: string, value: string): void { this.request.set(name, [value]) }
  addHeader (name: string, value: string): void { this.request.set(name, [...this.headerValues(name), value]) }
  removeHeader (name: string): void { this.request.delete(name) }
  responseHeader (name: string): string | undefined { return this.response.get(name)?.[0] }
  responseHeaderValues (name: string): readonly string[] { return this.response.get(name) ?? [] }
  responseHeaderNames (): readonly string[] { return [...this.response.keys()] }
  setResponseHeader (name: string, value: string): void { this.response.set(name, [value]) }
  addResponseHeader (name: string, value: string): void {
    this.response.set(name, [...this.responseHeaderValues(name), value])
  }

  removeResponseHeader (name: string): void { this.response.delete(name) }
  /** No body passes here: tests hand theirs to what a filter asked for. */
  copied: ((body: Buffer) => void) | undefined = undefined
  copyResponseBody (_maxBytes: number, done: (body: Buffer) => void): void { this.copied = done }
}
