/** What to say of a predicate or filter that cannot be used: switched off, dropped by Spring, not here, or misspelt. */
import { didYouMean } from './nearest-name.ts'

/** Names of Spring, of now or of before, that are no name here. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  Hystrix: 'Spring has dropped it: CircuitBreaker takes its place, its settings stand under resilience4j.circuitbreaker.',
  RemoveNonProxyHeaders: 'Spring has dropped it: fields of the connection are never passed on.',
  JsonToGrpc: 'It is left out here: see docs/gateway.md.',
  ModifyRequestBody: 'It takes a function, in Spring too: make it with modifyRequestBody in a plugin.',
  ModifyResponseBody: 'It takes a function, in Spring too: make it with modifyResponseBody in a plugin.',
  ReadBody: 'It takes a function, in Spring too: a plugin takes its place.',
  ReadBodyPredicateFactory: 'It takes a function, in Spring too: a plugin takes its place.'
}

/** A sentence to follow the name, or nothing. `isKnown`: there is one of that name, but it is switched off. */
export function missingFactory (name: string, kind: 'predicate' | 'filter', isKnown: boolean, known: readonly string[]): string {
  if (isKnown) return ` It is switched off: set spring.cloud.gateway.${kind}.${kebab(name)}.enabled to true.`
  return Object.hasOwn(ELSEWHERE, name) ? ` ${ELSEWHERE[name]}` : didYouMean(name, known.filter(other => other !== name))
}

function kebab (name: string): string {
  return name.replaceAll(/(?<=[a-z\d])(?=[A-Z])/g, '-').toLowerCase()
}
