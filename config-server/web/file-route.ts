/** Plain text files with placeholders filled in, and binary files as they are. Misses are 404 without a body. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { BreakwaterError } from '@breakwater/starter/errors'
import type { Asker, Resource } from '../backends/backend.ts'
import { isUnsafe, type Ask } from '../environment/ask.ts'
import { error } from '../errors.ts'
import type { CheckAccess } from './access.ts'
import { askerOf, askOf, type AskDefaults, type FileRoute } from './environment-routes.ts'

/** What the file route needs of the server. */
export interface FileParts extends AskDefaults {
  readonly access: CheckAccess
  readonly find: (ask: Ask, candidates: readonly string[], asker: Asker) => Promise<Resource | undefined>
  /** The text of a file as a client gets it: placeholders filled in from the environment of the same question. */
  readonly fill: (text: string, file: string, ask: Ask, asker: Asker) => Promise<string>
}

const BINARY = 'application/octet-stream'

export function createFileRoute (parts: FileParts): FileRoute {
  return async (request, reply, route) => {
    const asker = askerOf(request)
    for (const { label, path } of route.tries) {
      const ask = askOf({ ...route, label }, parts)
      await parts.access(request, 'read', ask)
      const found = await lookUp(parts, ask, checkedPath(path), asker)
      if (found === undefined) continue
      if (notModified(request, found)) return reply.code(304).send()
      reply.header('last-modified', new Date(found.modifiedMs).toUTCString())
      if (wantsBinary(request)) return sendBinary(reply, found)
      return sendText(request, reply, await textOf(parts, request, found, ask))
    }
    return reply.code(404).send()
  }
}

// A label that does not exist is a miss like any other here.
async function lookUp (parts: FileParts, ask: Ask, path: string, asker: Asker): Promise<Resource | undefined> {
  if (path === '' || path.endsWith('/')) return undefined
  try {
    return await parts.find(ask, candidatesOf(path, ask.profiles), asker)
  } catch (failure) {
    if (failure instanceof BreakwaterError && failure.statusCode === 404) return undefined
    throw failure
  }
}

/** `nginx.conf` for dev is `nginx-dev.conf`, else `nginx.conf`; the profile `default` means the plain name. */
export function candidatesOf (path: string, profiles: readonly string[]): string[] {
  const dot = path.lastIndexOf('.')
  const split = dot > path.lastIndexOf('/') ? dot : path.length
  const special = profiles.map(profile =>
    profile === 'default' ? path : `${path.slice(0, split)}-${profile}${path.slice(split)}`)
  return [...new Set([...special, path])]
}

/** A path that stays inside a repository; the same words that Spring refuses are refused. */
export function checkedPath (path: string): string {
  const plain = path.replaceAll('(_)', '/')
  const bad = isUnsafe(path) || isUnsafe(plain) || /WEB-INF|META-INF|:\//i.test(plain)
  if (bad) throw error('E_ASK_PATH', [JSON.stringify(path.slice(0, 80))])
  return plain
}

function notModified (request: FastifyRequest, { modifiedMs }: Resource): boolean {
  const since = Date.parse(request.headers['if-modified-since'] ?? '')
  return !Number.isNaN(since) && Math.floor(modifiedMs / 1000) * 1000 <= since
}

function wantsBinary (request: FastifyRequest): boolean {
  return request.headers.accept?.includes(BINARY) ?? false
}

async function sendBinary (reply: FastifyReply, { content }: Resource) {
  return reply.header('content-type', BINARY).send(content)
}

async function textOf (parts: FileParts, request: FastifyRequest, found: Resource, ask: Ask): Promise<string> {
  const text = decoderOf(request.headers['accept-charset']).decode(found.content)
  return parts.fill(text, found.file, ask, askerOf(request))
}

// Spring reads the file in the first charset that the client names; unknown ones are as good as none.
function decoderOf (charset: string | string[] | undefined): TextDecoder {
  const name = String(charset ?? '').split(/[,;]/, 1)[0]?.trim()
  try {
    return new TextDecoder(name === '' || name === '*' ? 'utf-8' : name)
  } catch {
    return new TextDecoder('utf-8')
  }
}

async function sendText (request: FastifyRequest, reply: FastifyReply, text: string) {
  // As bytes, since Fastify adds a charset of its own to the type of a string.
  return reply.header('content-type', textType(request.headers.accept)).send(Buffer.from(text))
}

function textType (accept: string | undefined): string {
  const wanted = accept?.split(',', 1)[0]?.split(';', 1)[0]?.trim().toLowerCase() ?? ''
  if (wanted === 'application/json') return wanted // JSON is UTF-8; Spring names no charset either
  const known = wanted === 'application/xml' || /^text\/[a-z0-9.+-]+$/.test(wanted)
  return `${known ? wanted : 'text/plain'};charset=UTF-8`
}

