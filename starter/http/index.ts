/** How a service reads, checks and refuses requests; for trying its routes without a socket. */
export { checkTexts } from './check-texts.ts'
export { readJson } from './json-body.ts'
export { answerProblems } from './problems.ts'
export { createValidatorBuilder } from './validators.ts'
