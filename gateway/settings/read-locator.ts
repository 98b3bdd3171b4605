/**
 * `discovery.locator.*`: a route for every service that discovery knows.
 *
 * Spring evaluates these texts as SpEL. Ours understand quoted text, `serviceId`, `host`, `port`, `secure` and
 * `metadata['k']`, joined with `+`, and nothing else: no configuration of the documentation's kind needs more.
 */
import type { ServiceInstance } from '@breakwater/starter/discovery'
import type { Configuration } from '../control-loop.ts'
import { error } from '../errors.ts'
import type { NamedArgs, RouteDefinition } from '../routes/route.ts'
import type { GatewaySettings } from './gateway-settings.ts'

type Expression = (service: string, instance: ServiceInstance | undefined) => string

/** Undefined when the locator is off. */
export function readLocator (gateway: GatewaySettings): Configuration['locate'] {
  if (!gateway.boolean('discovery.locator.enabled', false)) return undefined
  const lower = gateway.boolean('discovery.locator.lower-case-service-id', false)
  const prefix = gateway.text('discovery.locator.route-id-prefix') ?? 'DiscoveryClient_'
  const include = compileCondition(...expressionOf(gateway, 'include-expression', 'true'))
  const url = compileExpression(...expressionOf(gateway, 'url-expression', "'lb://'+serviceId"))
  const predicates = templates(gateway.predicates('discovery.locator.predicates'), DEFAULT_PREDICATES)
  const filters = templates(gateway.filters('discovery.locator.filters'), DEFAULT_FILTERS)
  return (services, instancesOf) => services.flatMap(service => {
    const instance = instancesOf(service)[0]
    if (!include(service, instance)) return []
    const name = lower ? service.toLowerCase() : service
    return [route(prefix + service, url(service, instance), instance, predicates, filters, name)]
  })
}

/** The text, and the property with its place. */
function expressionOf (gateway: GatewaySettings, name: string, fallback: string): [text: string, said: Said] {
  const key = gateway.key(`discovery.locator.${name}`)
  if (key === undefined) return [fallback, { what: name, where: undefined }]
  return [gateway.settings.string(key), { what: key, where: gateway.settings.origin(key) }]
}

/** What an expression belongs to, for its faults. */
interface Said {
  readonly what: string
  readonly where: string | undefined
}

interface Template {
  readonly name: string
  readonly args: ReadonlyArray<readonly [key: string, value: Expression]>
}

function route (id: string, uri: string, instance: ServiceInstance | undefined, predicates: readonly Template[],
  filters: readonly Template[], name: string): RouteDefinition {
  const filled = ({ name: factory, args }: Template): NamedArgs => ({
    name: factory,
    args: Object.assign(Object.create(null), Object.fromEntries(args.map(([key, value]) => [key,
      value(name, instance)]))),
    origin: 'discovery.locator'
  })
  return {
    id,
    uri,
    order: 0,
    enabled: true,
    predicates: predicates.map(filled),
    filters: filters.map(filled),
    metadata: { ...instance?.metadata },
    origin: 'discovery.locator'
  }
}

const DEFAULT_PREDICATES: readonly NamedArgs[] = [{ name: 'Path', args: { pattern: "'/'+serviceId+'/**'" } }]
const DEFAULT_FILTERS: readonly NamedArgs[] = [{
  name: 'RewritePath',
  args: { regexp: "'/' + serviceId + '/?(?<remaining>.*)'", replacement: "'/${remaining}'" }
}]

/** Custom ones replace the default, as in Spring: who lists filters must list the rewrite too. */
function templates (given: readonly NamedArgs[], fallback: readonly NamedArgs[]): Template[] {
  return (given.length > 0 ? given : fallback).map(({ name, args, origin }) => ({
    name,
    args: Object.entries(args).map(([key, text]) =>
      [key, compileExpression(text, { what: `discovery.locator ${name} ${key}`, where: origin })] as const)
  }))
}

/** A text that is no expression at all (`1`, `/x`) is taken as it stands. */
function compileExpression (text: string, { what, where }: Said): Expression {
  const parts = terms(text)
  if (parts === undefined) {
    if (/[()#{}]|T\(/.test(text) && text.includes("'")) throw error('E_EXPRESSION', [what, text], { where })
    return () => text
  }
  return (service, instance) => parts.map(part => part(service, instance)).join('')
}

/** Java's getters mean the same as the properties. */
const GETTER = /\b(?:get(?=ServiceId|InstanceId|Host|Port|Uri|Metadata)|is(?=Secure))([A-Z])(\w*)\(\)/g
const TERM = /\s*(?:'((?:[^']|'')*)'|(serviceId|instanceId|host|port|secure|uri)|metadata\[(?:'([^']*)'|"([^"]*)")\])\s*(\+|$)/y

function terms (written: string): Expression[] | undefined {
  const text = written.replaceAll(GETTER, (_, first: string, rest: string) => first.toLowerCase() + rest)
  const found: Expression[] = []
  TERM.lastIndex = 0
  while (TERM.lastIndex < text.length) {
    const match = TERM.exec(text)
    if (match === null) return undefined
    const [, literal, property, single, double] = match
    if (literal !== undefined) found.push(() => literal.replaceAll("''", "'"))
    else if (property === 'serviceId') found.push(service => service)
    else if (property !== undefined) found.push((_, instance) => propertyOf(instance, property))
    else found.push((_, instance) => instance?.metadata[single ?? double ?? ''] ?? '')
  }
  return found.length === 0 ? undefined : found
}

function propertyOf (instance: ServiceInstance | undefined, name: string): string {
  if (instance === undefined) return ''
  if (name === 'uri') return `${instance.secure ? 'https' : 'http'}://${instance.host}:${instance.port}`
  return String(instance[name as 'host' | 'port' | 'secure' | 'instanceId'])
}

/** `true`, `false`, or `a == b` and `a != b` joined by `and`/`&&`. */
function compileCondition (text: string, said: Said):
(service: string, instance: ServiceInstance | undefined) => boolean {
  if (/^\s*(true|false)\s*$/i.test(text)) return () => /true/i.test(text)
  const tests = text.split(/\s+and\s+|&&/).map(part => {
    const [, left = '', operator, right = ''] = /^(.*?)(==|!=)(.*)$/.exec(part) ?? []
    if (operator === undefined) throw error('E_EXPRESSION', [said.what, text], { where: said.where })
    const [one, other] = [left, right].map(side => compileExpression(side.trim(), said))
    return { left: one!, right: other!, equal: operator === '==' }
  })
  return (service, instance) =>
    tests.every(({ left, right, equal }) => (left(service, instance) === right(service, instance)) === equal)
}
