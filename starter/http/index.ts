/** How a service reads, checks and refuses requests, for trying its routes without a socket; and how it sends them. */
export { checkInput } from './check-input.ts'
export { readJson } from './json-body.ts'
export { answerProblems } from './problems.ts'
export { managementPort } from './management-port.ts'
export { guardedAgent } from './guarded-agent.ts'
export { REQUEST_TIMEOUT_MS } from './request-timeout.ts'
export { request, type Agent } from './undici.ts'
export { createValidatorBuilder } from './validators.ts'
