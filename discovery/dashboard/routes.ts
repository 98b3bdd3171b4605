import { readFileSync } from 'node:fs'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Authenticator } from '@breakwater/starter'
import type { Checker } from '../checks/checker.ts'
import { parseTree } from '../eureka/body.ts'
import type { DiscoveryOptions } from '../options.ts'
import type { Peers } from '../peers/peers.ts'
import { isStatus } from '../registry/instance.ts'
import type { RecentEntry } from '../registry/recent.ts'
import type { Registry } from '../registry.ts'
import { actorOf } from '../security/access.ts'
import { actionOf, runAction } from './actions.ts'
import { escapeHtml } from './html.ts'
import { changesOf, overviewOf, rowsOf, type RowQuery } from './overview.ts'
import type { Viewers } from './viewers.ts'

/** What the page is made from. */
export interface PageParts {
  readonly registry: Registry
  readonly peers: Peers
  readonly options: DiscoveryOptions
  readonly now: () => number
  readonly auth: Authenticator | undefined
  readonly viewers: Viewers
  readonly checker: Checker | undefined
}

const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
const ASSETS = { 'page.js': 'text/javascript; charset=utf-8', 'page.css': 'text/css; charset=utf-8' }
const MAX_SIZE = 200
const MAX_SEARCH = 200
const CHANGES = 30

/** The page for people, what it fetches, and Eureka's `/lastn`. */
export function pageRoutes (server: FastifyInstance, parts: PageParts): void {
  const { registry, options, now } = parts
  server.addHook('onRequest', (_request, reply, done) => {
    reply.headers({
      'content-security-policy': POLICY, 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer', 'cache-control': 'no-store'
    })
    done()
  })
  // Spring has both below one path, and no double slash where that is the root.
  const lastn = `${options.dashboardPath.replace(/\/+$/, '')}/lastn`
  const html = asset('page.html').toString().replace('href="/lastn"', () => `href="${escapeHtml(lastn)}"`)
  server.get(options.dashboardPath, (_request, reply) => reply.type('text/html; charset=utf-8').send(html))
  for (const [name, type] of Object.entries(ASSETS)) {
    const bytes = asset(name)
    server.get(`/dashboard/${name}`, (_request, reply) => reply.type(type).send(bytes))
  }
  server.get('/dashboard/api/overview', async request => ({
    ...overviewOf(registry, parts.peers, options, now()), mayChange: await mayChange(request, parts.auth)
  }))
  server.get('/dashboard/api/instances', request => rowsOf(registry, rowQuery(request.query as Query), now(), parts.checker))
  server.get('/dashboard/api/changes', () => changesOf(registry, CHANGES))
  server.get('/dashboard/events', { exposeHeadRoute: false }, (request, reply) => parts.viewers.add(request, reply))
  server.get(lastn, (_request, reply) => reply.type('text/html; charset=utf-8').send(lastChanges(registry)))
}

/** The page's buttons; apart from the pages, because changing takes another role. */
export function actionRoute (server: FastifyInstance, { registry, auth }: PageParts): void {
  const guard = auth === undefined ? {} : { onRequest: auth.requireRole('admin') }
  server.post('/dashboard/api/actions', guard, async (request, reply) => {
    request.principal = await auth?.authenticate(request)
    const body = isJson(request) ? parseTree(request.body as Buffer, 'json') : undefined
    const action = body === undefined ? undefined : actionOf(body)
    if (action === undefined) return problem(reply, 400, 'This is no action that the registry knows.')
    const instance = registry.book.speaker.as(actorOf(request, action.kind, 'page'), () => runAction(registry, action))
    if (instance === undefined) return problem(reply, 404, 'There is no such instance any more.')
    return reply.code(204).send()
  })
}

type Query = Readonly<Record<string, string | string[] | undefined>>

function rowQuery (query: Query): RowQuery {
  const text = (name: string): string => String(query[name] ?? '')
  const count = (name: string, fallback: number, max: number): number =>
    Math.min(max, Math.max(1, Math.floor(Number(text(name)) || fallback)))
  const status = text('status')
  return {
    search: text('search').slice(0, MAX_SEARCH),
    status: isStatus(status) ? status : undefined,
    page: count('page', 1, 1_000_000),
    size: count('size', 50, MAX_SIZE)
  }
}

/** Whether the page shows its buttons; pressing one is checked again. */
async function mayChange (request: FastifyRequest, auth: Authenticator | undefined): Promise<boolean> {
  return auth === undefined || (await auth.authenticate(request))?.role === 'admin'
}

/** A form of another site cannot send this type without asking first. */
function isJson (request: FastifyRequest): boolean {
  return Buffer.isBuffer(request.body) && /^application\/json\b/i.test(request.headers['content-type'] ?? '')
}

function problem (reply: FastifyReply, status: number, detail: string): FastifyReply {
  return reply.code(status).type('application/problem+json').send(JSON.stringify({ status, detail }))
}

function asset (name: string): Buffer {
  return readFileSync(new URL(`assets/${name}`, import.meta.url))
}

function lastChanges ({ book }: Registry): string {
  return '<!doctype html><html lang="en"><meta charset="utf-8"><title>Last changes</title>' +
    '<link rel="stylesheet" href="/dashboard/page.css"><main><h1>Last changes</h1>' +
    recentTable('Cancelled and expired', book.cancelled.list()) +
    recentTable('Registered', book.registered.list()) + '</main></html>'
}

function recentTable (title: string, entries: readonly RecentEntry[]): string {
  const rows = entries.map(({ at, app, id }) =>
    `<tr><td>${new Date(at).toISOString()}<td>${escapeHtml(`${app}(${id})`)}</tr>`)
  return `<h2>${title}</h2><table>${rows.join('')}</table>`
}
