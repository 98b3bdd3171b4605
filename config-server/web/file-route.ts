/** Plain text files with placeholders filled in, and binary files as they are. Misses are 404 without a body. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { BreakwaterError } from '@breakwater/starter/errors'
import type { Asker, Resource } from '../backends/backend.ts'
import { isUnsafe, type Ask } from '../environment/ask.ts'
import { error } from '../errors.ts'
import type { CheckAccess, FilterFiles } from './access.ts'
import { askerOf, askOf, type AskDefaults, type FileRoute } from './environment-routes.ts'

/** What the file route needs of the server. */
export interface FileParts extends AskDefaults {
  readonly access: CheckAccess
  readonly find: (ask: Ask, candidates: readonly string[], asker: Asker) => Promise<Resource | undefined>
  readonly fileAccess: FilterFiles
  /** The ciphers of a text replaced, where the operator asked for that. */
  readonly decrypt: (text: string, file: string) => Promise<string>
  /** Placeholders filled in from the environment of the same question. */
  readonly fill: (text: string, ask: Ask, asker: Asker) => Promise<string>
}

const BINARY = 'application/octet-stream'

export function createFileRoute (parts: FileParts): FileRoute {
  return async (request, reply, route) => {
    const asker = askerOf(request)
    for (const { label, path } of route.tries) {
      const ask = askOf({ ...route, label }, parts)
      const principal = await parts.access(request, 'read', ask)
      const checked = checkedPath(path)
      if (checked === undefined) break
      const candidates = parts.fileAccess(principal, ask, candidatesOf(checked, ask.profiles))
      const found = await lookUp(parts, ask, candidates, asker)
      if (found === undefined) continue
      // A link may lead to what nobody would be given under its own name.
      if (found.linkedTo !== undefined) parts.fileAccess(principal, ask, [found.linkedTo])
      if (notModified(request, found)) return reply.code(304).send()
      reply.header('last-modified', new Date(found.modifiedMs).toUTCString())
      if (wantsBinary(request)) return sendBinary(reply, found)
      return sendText(request, reply, await textOf(parts, request, found, ask, route.resolvePlaceholders))
    }
    return reply.code(404).send()
  }
}

// A label that does not exist is a miss like any other here.
async function lookUp (
  parts: FileParts, ask: Ask, candidates: readonly string[], asker: Asker
): Promise<Resource | undefined> {
  try {
    return await parts.find(ask, candidates, asker)
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

/** A path that stays inside a repository, or undefined: what Spring refuses looks like a file that is not there. */
export function checkedPath (path: string): string | undefined {
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\\\u0000-\u001f\u007f]/.test(path)) throw error('E_ASK_PATH', [JSON.stringify(path.slice(0, 80))])
  const isBad = path === '' || path.endsWith('/') || isUnsafe(path) || /WEB-INF|META-INF|:\//i.test(path)
  return isBad ? undefined : path
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

async function textOf (
  parts: FileParts, request: FastifyRequest, found: Resource, ask: Ask, resolvePlaceholders: boolean
): Promise<string> {
  const plain = await parts.decrypt(decoderOf(request.headers['accept-charset']).decode(found.content), found.file)
  return resolvePlaceholders ? parts.fill(plain, ask, askerOf(request)) : plain
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

