/**
 * Requests are checked by their route's schema. Fastify coerces each part: right for queries, paths and headers, which
 * are text, and wrong for JSON, where `null` would pass for 0, `true` for 1, `"10"` for 10 and `[5]` for 5, and members
 * that the schema forbids would be dropped in silence. A body is what it is, or the request is refused.
 */
import { createRequire } from 'node:module'
import AjvCompiler from '@fastify/ajv-compiler'
import type { FastifyServerOptions } from 'fastify'

type BuildValidator = NonNullable<NonNullable<NonNullable<
  FastifyServerOptions['schemaController']>['compilersFactory']>['buildValidator']>
type AjvOptions = NonNullable<FastifyServerOptions['ajv']>

// What the compiler's own types say of its argument is true of Ajv's: it gets the route's part, not the schema alone.
interface RoutePart { readonly schema: unknown, readonly httpPart: 'body' | 'headers' | 'params' | 'querystring' }
type Compile = (part: RoutePart) => unknown
type Build = (schemas: unknown, options: AjvOptions) => Compile

/** Header names are case-insensitive; Fastify adapts their schemas only where it compiles them by itself. */
interface FastifyValidation {
  compileSchemasForValidation (this: void, context: Record<symbol | 'schema', unknown>, compile: Compile, isCustom: boolean): void
  readonly symbols: { readonly headersSchema: symbol }
}
// The version is exact, so the path holds.
const { compileSchemasForValidation, symbols: { headersSchema } } =
  createRequire(import.meta.url)('fastify/lib/validation.js') as FastifyValidation

/** For Fastify's `schemaController`, one per service; `ajv` of its options says what a service wants otherwise. */
export function createValidatorBuilder (): BuildValidator {
  const build = AjvCompiler() as unknown as Build
  const builder: Build = (schemas, options) => {
    const coercing = build(schemas, options)
    const customOptions = { coerceTypes: false, removeAdditional: false, ...options.customOptions }
    let exact: Compile | undefined
    return part => {
      if (part.httpPart === 'headers') return ofHeaders(part.schema, coercing)
      if (part.httpPart !== 'body') return coercing(part)
      exact ??= build(schemas, { ...options, customOptions } as AjvOptions)
      return exact(part)
    }
  }
  return builder as unknown as BuildValidator
}

function ofHeaders (headers: unknown, compile: Compile): unknown {
  const context: Record<symbol | 'schema', unknown> = { schema: { headers } }
  compileSchemasForValidation(context, compile, false)
  return context[headersSchema]
}
