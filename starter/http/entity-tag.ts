/** Answers with an entity tag: a client that has the version already is told so instead of being sent it again. */
import type { FastifyReply, FastifyRequest } from 'fastify'

/**
 * Sends `body` under a strong entity tag, or 304 when If-None-Match has it (RFC 9110, 13.1.2).
 * @param tag without quotes; two representations of one version need two tags.
 */
export function sendTagged (request: FastifyRequest, reply: FastifyReply, tag: string, body: unknown): FastifyReply {
  const etag = `"${tag}"`
  reply.header('etag', etag)
  return matches(request.headers['if-none-match'], etag) ? reply.code(304).send() : reply.send(body)
}

/** By weak comparison, as the field demands: whether somebody on the way compressed it does not matter. */
function matches (field: string | undefined, etag: string): boolean {
  return field !== undefined &&
    (field.trim() === '*' || field.split(',').some(tag => tag.trim().replace(/^W\//, '') === etag))
}
