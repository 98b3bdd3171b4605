/** What schemas let pass in paths, queries and headers, though no handler expects it. Bodies: see `json-body.ts`. */
import type { FastifyInstance } from 'fastify'
import { findBadText } from '../text.ts'
import { invalidInput, type InputPart } from './invalid-input.ts'

/** Refuses, with 400, text that no store must be given, and numbers too large to be any. */
export function checkInput (app: FastifyInstance): void {
  app.addHook('preValidation', (request, _reply, done) => {
    done(textFault('params', request.params) ?? textFault('querystring', request.query))
  })
  // Coercion makes Infinity of `1e400`, and the limits of a schema are asked of finite numbers only.
  app.addHook('preHandler', (request, _reply, done) => {
    done(numberFault('params', request.params) ?? numberFault('querystring', request.query) ??
      numberFault('headers', request.headers))
  })
}

function textFault (part: InputPart, value: unknown): Error | undefined {
  const bad = findBadText(value)
  return bad === undefined ? undefined : invalidInput(part, bad.at, bad.why)
}

function numberFault (part: InputPart, fields: unknown): Error | undefined {
  for (const [name, value] of Object.entries(fields ?? {})) {
    if (typeof value === 'number' && !Number.isFinite(value)) return invalidInput(part, `/${name}`, 'is too large')
  }
  return undefined
}
