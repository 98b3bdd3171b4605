/** `/_config/watch`: server-sent events, and long polls for those behind something that keeps streams back. */
import type { ServerResponse } from 'node:http'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { toDurationMs } from '@breakwater/starter/settings'
import type { EnvironmentRoad } from '../environment.ts'
import type { Ask } from '../environment/ask.ts'
import { error } from '../errors.ts'
import type { Snapshot, Snapshots } from '../push/snapshots.ts'
import type { Watcher, Watchers } from '../push/watchers.ts'
import type { CheckAccess } from './access.ts'
import { chooseForm, V1, V2 } from './accept.ts'
import { askerOf, askOf, type AskDefaults } from './environment-routes.ts'

export interface WatchParts extends AskDefaults {
  readonly prefix: string
  readonly access: CheckAccess
  readonly road: EnvironmentRoad
  readonly snapshots: Snapshots
  readonly watchers: Watchers
}

export interface AskParams {
  readonly name: string
  readonly profiles: string
  readonly label?: string
}

const DEFAULT_WAIT_MS = 60_000
const MAX_WAIT_MS = 120_000
const HEARTBEAT_MS = 15_000
// A client that does not read must not make the server hold its events for ever.
const MAX_UNREAD_BYTES = 65_536

/** Registers the watch endpoint; open streams and polls are ended when the server closes. */
export function watchRoutes (app: FastifyInstance, parts: WatchParts): void {
  const streams = new Set<ServerResponse>()
  const polls = new Set<() => void>()
  const heartbeat = setInterval(() => { for (const stream of streams) send(stream, ':\n\n') }, HEARTBEAT_MS).unref()
  app.addHook('preClose', async () => {
    clearInterval(heartbeat)
    for (const end of polls) end()
    for (const stream of streams) stream.end()
  })
  for (const suffix of ['', '/:label']) {
    app.get<{ Params: AskParams, Querystring: { wait?: string } }>(
      `${parts.prefix}/_config/watch/:name/:profiles${suffix}`, async (request, reply) => {
        const ask = paramsAsk(request.params, parts)
        await parts.access(request, 'watch', ask)
        if (parts.watchers.isFull) throw error('E_CONFIG_WATCHERS')
        return request.headers.accept?.includes('text/event-stream') === true
          ? stream(request, reply, ask, parts, streams)
          : poll(request, reply, ask, parts, polls)
      })
  }
}

export function paramsAsk ({ name, profiles, label }: AskParams, defaults: AskDefaults): Ask {
  return askOf({ name, profiles, label: label ?? null }, defaults)
}

async function stream (
  request: FastifyRequest, reply: FastifyReply, ask: Ask, parts: WatchParts, streams: Set<ServerResponse>
): Promise<FastifyReply> {
  const asker = askerOf(request)
  const look = parts.snapshots.look(ask, asker)
  const now = await look.take()
  const had = headerTag(request, 'last-event-id')
  reply.hijack()
  const { raw } = reply
  raw.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-accel-buffering': 'no' })
  const watcher: Watcher = {
    ask, asker, current: now, stamp: look.stamp, wake: (next, changed) => send(raw, eventOf(next, changed))
  }
  parts.watchers.add(watcher)
  streams.add(raw)
  raw.on('close', () => {
    streams.delete(raw)
    parts.watchers.remove(watcher)
  })
  raw.on('error', () => raw.destroy())
  const before = had === undefined ? undefined : parts.snapshots.of(had)
  send(raw, had === undefined || before?.print === now.print ? ': watching\n\n' : eventOf(now, []))
  return reply
}

function eventOf ({ etag, version }: Snapshot, changed: readonly string[]): string {
  return `event: change\nid: ${etag}\ndata: ${JSON.stringify({ version, etag, changed })}\n\n`
}

function send (response: ServerResponse, text: string): void {
  response.write(text)
  if (response.writableLength > MAX_UNREAD_BYTES) response.destroy()
}

async function poll (
  request: FastifyRequest<{ Querystring: { wait?: string } }>, reply: FastifyReply, ask: Ask, parts: WatchParts,
  polls: Set<() => void>
): Promise<FastifyReply> {
  const asker = askerOf(request)
  const form = chooseForm(request.headers.accept)
  if (form === undefined) return reply.code(406).header('accept', `${V1}, ${V2}`).send()
  const had = headerTag(request, 'if-none-match')
  const look = parts.snapshots.look(ask, asker)
  const now = await look.take()
  const before = had === undefined ? undefined : parts.snapshots.of(had)
  const watched = { ask, asker, current: now, stamp: look.stamp }
  const isNew = before?.print !== now.print ||
    await changedWithin(waitMs(request.query.wait), watched, request, parts, polls)
  if (!isNew) return reply.code(304).header('etag', had ?? now.etag).send()
  const answer = await parts.road.answer({ ask, form, resolvePlaceholders: true }, asker)
  return reply.header('etag', answer.etag).header('content-type', form === 'v2' ? V2 : V1).send(answer.body)
}

function waitMs (text: string | undefined): number {
  const ms = text === undefined ? DEFAULT_WAIT_MS : toDurationMs(text)
  return Math.min(Math.max(ms ?? DEFAULT_WAIT_MS, 0), MAX_WAIT_MS)
}

async function changedWithin (
  ms: number, watched: Omit<Watcher, 'wake'>, request: FastifyRequest, parts: WatchParts,
  polls: Set<() => void>
): Promise<boolean> {
  return new Promise(resolve => {
    const finish = (isNew: boolean): void => {
      clearTimeout(timer)
      parts.watchers.remove(watcher)
      polls.delete(giveUp)
      request.raw.socket.off('close', giveUp)
      resolve(isNew)
    }
    const giveUp = (): void => finish(false)
    const watcher: Watcher = { ...watched, wake: () => finish(true) }
    const timer = setTimeout(giveUp, ms)
    request.raw.socket.once('close', giveUp)
    polls.add(giveUp)
    parts.watchers.add(watcher)
  })
}

function headerTag (request: FastifyRequest, name: string): string | undefined {
  const value = request.headers[name]
  return typeof value === 'string' && value !== '' ? value : undefined
}
