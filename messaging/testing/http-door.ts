/** A service's routes without a socket: a Fastify furnished as the starter's are, asked directly. */
import { answerProblems, checkInput, createValidatorBuilder, readJson } from '@breakwater/starter/http'
import { SerializerSelector } from '@fastify/fast-json-stringify-compiler'
import { fastify, type FastifyInstance, type FastifyServerOptions } from 'fastify'
import type { Scheduler } from './scheduler.ts'

export interface HttpRequest {
  readonly method: string
  /** With its query. */
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: object
}

export interface HttpAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, unknown>>
  /** Empty where the answer is no JSON. */
  readonly body: Readonly<Record<string, unknown>>
  readonly text: string
}

type Compilers = NonNullable<NonNullable<FastifyServerOptions['schemaController']>['compilersFactory']>
interface Part { readonly schema: object, readonly httpPart?: string, readonly httpStatus?: string }
type Compile = (part: Part) => unknown

/** A service is started again and again, and its schemas stay the same objects: each is compiled once. */
function once (compile: Compile): Compile {
  const known = new Map<string, WeakMap<object, unknown>>()
  return part => {
    const use = `${part.httpPart} ${part.httpStatus}`
    const compiled = known.get(use) ?? new WeakMap<object, unknown>()
    known.set(use, compiled)
    if (!compiled.has(part.schema)) compiled.set(part.schema, compile(part))
    return compiled.get(part.schema)
  }
}

type Build = (schemas: object, options: object) => Compile

const validate = once((createValidatorBuilder() as unknown as Build)({}, { customOptions: {} }))
const serialize = once((SerializerSelector() as unknown as Build)({}, {}))
const COMPILERS = { buildValidator: () => validate, buildSerializer: () => serialize } as unknown as Compilers

const VISIT = 'x-visit'

export class HttpDoor {
  readonly #scheduler: Scheduler
  readonly #app = fastify({ schemaController: { compilersFactory: COMPILERS } })
  /** Requests that are with the framework, before or behind their handler: it takes turns of the real loop. */
  readonly #visits = new Map<string, () => void>()
  #count = 0

  constructor (scheduler: Scheduler) {
    this.#scheduler = scheduler
    answerProblems(this.#app)
    readJson(this.#app)
    checkInput(this.#app)
    this.#app.addHook('preHandler', async request => { this.#visits.get(String(request.headers[VISIT]))?.() })
    this.#app.addHook('onSend', async request => { this.#enter(String(request.headers[VISIT])) })
  }

  async open (register: (app: FastifyInstance) => void | Promise<void>): Promise<void> {
    const release = this.#scheduler.hold()
    await register(this.#app)
    await this.#app.ready()
    release()
  }

  async answer ({ method, path, headers = {}, body }: HttpRequest): Promise<HttpAnswer> {
    const visit = String(++this.#count)
    this.#enter(visit)
    const response = await this.#app.inject({ method: method as 'GET', url: path,
      headers: { ...headers, [VISIT]: visit }, ...(body === undefined ? {} : { payload: body }) })
    this.#visits.get(visit)?.()
    this.#visits.delete(visit)
    const text = response.body
    const isJson = /json/.test(String(response.headers['content-type'])) && text !== ''
    return { status: response.statusCode, headers: response.headers, text,
      body: isJson ? JSON.parse(text) as Record<string, unknown> : {} }
  }

  #enter (visit: string): void {
    this.#visits.get(visit)?.()
    this.#visits.set(visit, this.#scheduler.hold())
  }
}
