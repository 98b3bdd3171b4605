/** Texts of paths and queries; those of bodies are looked at where JSON is read. */
import type { FastifyInstance } from 'fastify'
import { findBadText } from '../text.ts'
import { invalidInput } from './invalid-input.ts'

/** Refuses, with 400, a request in whose path or query is text that no store must be given. */
export function checkTexts (app: FastifyInstance): void {
  app.addHook('preValidation', (request, _reply, done) => {
    done(faultOf('params', request.params) ?? faultOf('querystring', request.query))
  })
}

function faultOf (part: 'params' | 'querystring', value: unknown): Error | undefined {
  const bad = findBadText(value)
  return bad === undefined ? undefined : invalidInput(part, bad.at, bad.why)
}
