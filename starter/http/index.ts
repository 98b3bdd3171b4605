/** How a service reads, checks and refuses requests; for trying its routes without a socket. */
export { checkInput } from './check-input.ts'
export { readJson } from './json-body.ts'
export { answerProblems } from './problems.ts'
export { createValidatorBuilder } from './validators.ts'
