/** A request that is refused before any route sees it. */

export type InputPart = 'body' | 'headers' | 'params' | 'querystring'

/** The error for one field, in the form of Fastify's own for a schema that is not met: the problem names the field. */
export function invalidInput (part: InputPart, at: string, why: string): Error {
  return Object.assign(new Error(`${part}${at} ${why}`), {
    code: 'FST_ERR_VALIDATION', statusCode: 400, validation: [{ instancePath: at, message: why }], validationContext: part
  })
}
