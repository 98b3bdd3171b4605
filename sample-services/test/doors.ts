/**
 * Every door of a service, as its own OpenAPI document lists them, tried with what must not come in: a route that is
 * new is tried, too, and fails the test until it is said how it is asked rightly.
 */
import type { MainArgs, Running } from '@breakwater/starter'
import type { Test } from 'tap'
import { memoryLog, settingsOf } from '../../starter/test/support.ts'

interface Schema {
  readonly required?: readonly string[]
  readonly type?: string | readonly string[]
  /** How OpenAPI 3.0 says that null is of the type, too. */
  readonly nullable?: boolean
  readonly properties?: Readonly<Record<string, Schema>>
  readonly items?: Schema
  readonly minimum?: number
  readonly maximum?: number
  readonly maxLength?: number
  readonly minLength?: number
  readonly enum?: readonly unknown[]
  readonly format?: string
}
interface Parameter { readonly name: string, readonly in: string, readonly schema: Schema }
interface Operation {
  readonly parameters?: readonly Parameter[]
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> }
}

/** A right request: what stands for the path's parameters, the query, the body. */
export interface Sample {
  readonly path?: Readonly<Record<string, string>>
  readonly query?: Readonly<Record<string, string>>
  readonly body?: Readonly<Record<string, unknown>>
  /** What it is answered with. @default any 2xx */
  readonly status?: number
}

/** A service in this process, with a folder of its own and nobody around it. */
export async function startAlone (
  t: Test, start: (args: MainArgs) => Promise<Running>, values: Record<string, string> = {}
): Promise<string> {
  const settings = await settingsOf({ 'server.port': '0', 'breakwater.discovery.client': 'fixed', 'breakwater.shutdown.drain': '0',
    'breakwater.bus.url': 'http://127.0.0.1:1', 'breakwater.data.dir': values['breakwater.data.dir'] ?? t.testdir(),
    ...values })
  const running = await start({ settings, log: memoryLog().log })
  t.teardown(() => running.stop())
  return running.url
}

/** What messaging adds to every service: here without a bus, and without such a saga. */
const OPERATOR: Readonly<Record<string, Sample>> = {
  'GET /internal/outbox': { query: { limit: '10' } },
  'GET /internal/outbox/refused': { query: { limit: '10' } },
  'POST /internal/outbox/refused/{seq}/retry': { path: { seq: '1' }, status: 404 },
  'DELETE /internal/outbox/refused/{seq}': { path: { seq: '1' }, status: 404 },
  'GET /internal/inbox': { query: { limit: '10' } },
  'GET /internal/held': { query: { limit: '10' } },
  'DELETE /internal/held/{id}': { path: { id: 'none' }, status: 404 },
  'GET /internal/dlq': { query: { limit: '10' }, status: 503 },
  'POST /internal/dlq/{id}/redrive': { path: { id: 'some' }, status: 503 },
  'DELETE /internal/dlq/{id}': { path: { id: 'some' }, status: 503 },
  'DELETE /internal/subscriptions/{service}/{type}': { path: { service: 'orders', type: 'orders.A.v1' }, status: 503 },
  'GET /internal/sagas': { query: { limit: '10' } },
  'GET /internal/sagas/{id}': { path: { id: 'none' }, status: 404 },
  'POST /internal/sagas/{id}/resend': { path: { id: 'none' }, status: 404 },
  'POST /internal/sagas/{id}/cancel': { path: { id: 'none' }, body: { reason: 'x' }, status: 404 }
}

/** Malformed; and a path so long that no server reads it to its end. */
const REFUSED = new Set([400, 414, 431])

/** Asks each door rightly, and then in each wrong way. A door with more than one right way has several samples. */
export async function tryDoors (
  t: Test, url: string, own: Readonly<Record<string, Sample | readonly Sample[]>>
): Promise<void> {
  const samples = { ...OPERATOR, ...own }
  const { paths } = await (await fetch(`${url}/docs/json`)).json() as { paths: Record<string, Record<string, Operation>> }
  const doors = Object.entries(paths).flatMap(([path, methods]) => Object.entries(methods)
    .filter(([method]) => method !== 'head')
    .map(([method, operation]) => ({ name: `${method.toUpperCase()} ${path}`, operation })))
  const names = new Set(doors.map(({ name }) => name))
  t.same(Object.keys(samples).filter(name => !names.has(name)), [], 'no sample is of nothing')
  for (const { name, operation } of doors) {
    if (samples[name] === undefined) t.notOk(hasInput(operation), `${name} needs a sample`)
    for (const sample of [samples[name] ?? []].flat()) await tryDoor(t, url, name, operation, sample)
  }
}

function hasInput ({ parameters = [], requestBody }: Operation): boolean {
  return requestBody !== undefined || parameters.some(parameter => parameter.in !== 'header')
}

async function tryDoor (t: Test, url: string, name: string, operation: Operation, sample: Sample): Promise<void> {
  const ask = asker(url, name, sample)
  const right = await ask({})
  t.ok(sample.status === undefined ? right < 300 : right === sample.status, `${name} asked rightly: ${right}`)
  const schema = operation.requestBody?.content['application/json']?.schema
  const wrong = [
    ...(operation.parameters ?? []).flatMap(parameter => wrongParameters(parameter, sample)),
    ...schema === undefined ? [] : wrongValues(schema, sample.body ?? {}).map(text => ({ text }))
  ]
  const taken: unknown[] = []
  for (const request of wrong) {
    const status = await ask(request)
    if (!REFUSED.has(status)) taken.push({ status, ...request })
  }
  t.same(taken, [], `${name} refuses ${wrong.length} wrong requests`)
}

type Request = Pick<Sample, 'path' | 'query'> & { readonly text?: string }

let keys = 0

function asker (url: string, name: string, sample: Sample) {
  const [method = '', template = ''] = name.split(' ')
  return async (wrong: Request): Promise<number> => {
    const values = { ...sample.path, ...wrong.path }
    const path = template.replace(/\{(\w+)\}/g, (_all, name: string) => values[name] ?? '')
    const query = Object.entries({ ...sample.query, ...wrong.query }).map(([name, value]) => `${name}=${value}`).join('&')
    const text = wrong.text ?? (sample.body === undefined ? undefined : JSON.stringify(sample.body))
    const response = await fetch(`${url}${path}${query === '' ? '' : `?${query}`}`, { method,
      headers: { 'idempotency-key': `door-${++keys}`, ...(text === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(text === undefined ? {} : { body: text }) })
    await response.arrayBuffer()
    return response.status
  }
}

function wrongParameters ({ name, in: place, schema }: Parameter, sample: Sample): Request[] {
  if (place === 'header') return []
  const values = ['%00', 'a%00b', ...schema.maxLength === undefined
    ? []
    : ['x', '%F0%9F%98%80'].map(character => character.repeat(schema.maxLength! + 1))]
  if (schema.type === 'integer') {
    values.push('x', '1.5', 'null', 'true', '1e400', '9007199254740992', String((schema.minimum ?? 0) - 1),
      String((schema.maximum ?? 2 ** 53) + 1))
  }
  if (schema.type === 'boolean') values.push('x', '2')
  if (schema.enum !== undefined) values.push('x', String(schema.enum[0]).toLowerCase())
  const right = (place === 'path' ? sample.path : sample.query)?.[name]
  if (schema.format === 'uuid' && right !== undefined) {
    values.push(right.toUpperCase(), `urn:uuid:${right}`, `${right}0`)
  }
  return values.map(value => place === 'path' ? { path: { [name]: value } } : { query: { [name]: value } })
}

/** JSON texts that the schema of a right value must not let through, in their places within that value. */
function wrongValues (schema: Schema, right: unknown): string[] {
  const types = [schema.type ?? [], schema.nullable === true ? 'null' : []].flat()
  const json = JSON.stringify(right)
  const others = { null: ['null'], boolean: ['true', 'false'], integer: ['1', '0'], string: ['"10"', '""'],
    array: [`[${json}]`, '[]'], object: ['{}'] }
  const texts = types.length === 0
    ? []
    : Object.entries(others).flatMap(([type, values]) => types.includes(type) ? [] : values)
  if (types.includes('integer')) {
    texts.push('1.5', '1e400', '9007199254740993', String((schema.minimum ?? 0) - 1),
      String((schema.maximum ?? 2 ** 53) + 1))
  }
  if (types.includes('string')) {
    texts.push('"a\\u0000b"', '"\\ud800"', ...(schema.minLength ?? 0) > 0 ? ['""'] : [],
      ...schema.maxLength === undefined ? [] : [JSON.stringify('😀'.repeat(schema.maxLength + 1))])
  }
  if (schema.format === 'uuid') texts.push(json.toUpperCase(), json.replace('"', '"urn:uuid:'))
  if (types.includes('object') && typeof right === 'object' && right !== null) {
    texts.push(...wrongMembers(schema, right as Record<string, unknown>))
  }
  if (types.includes('array') && Array.isArray(right)) {
    texts.push('[]', `[${Array.from({ length: 51 }, () => JSON.stringify(right[0])).join()}]`,
      ...wrongValues(schema.items ?? {}, right[0]).map(text => `[${text}]`))
  }
  return texts
}

function wrongMembers ({ properties = {}, required = [] }: Schema, right: Record<string, unknown>): string[] {
  const member = (name: string, text: string): string => `${JSON.stringify(name)}:${text}`
  const members = (except?: string): string[] => Object.entries(right).filter(([name]) => name !== except)
    .map(([name, value]) => member(name, JSON.stringify(value)))
  const object = (...texts: string[]): string => `{${texts.join()}}`
  return [
    ...required.map(name => object(...members(name))),
    ...members().map(text => object(text, ...members())),
    ...['misspelt', '__proto__', 'constructor'].map(name => object(...members(), member(name, '{}'))),
    ...Object.entries(properties).flatMap(([name, schema]) =>
      wrongValues(schema, right[name]).map(text => object(...members(name), member(name, text))))
  ]
}
