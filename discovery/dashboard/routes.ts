import { readFileSync } from 'node:fs'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Authenticator } from '@breakwater/starter'
import type { DiscoveryOptions } from '../options.ts'
import type { RecentEntry } from '../registry/recent.ts'
import type { Registry } from '../registry.ts'
import { escapeHtml } from './html.ts'
import { act, pageOf, type OperatorParts, type Query } from '../operator/routes.ts'
import { rowsOf } from '../operator/rows.ts'
import { linkBase } from './links.ts'
import { changesOf, overviewOf } from './overview.ts'
import type { Viewers } from './viewers.ts'

/** What the page is made from. */
export interface PageParts extends OperatorParts {
  readonly options: DiscoveryOptions
  readonly viewers: Viewers
}

const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
const ASSETS = { 'page.js': 'text/javascript; charset=utf-8', 'page.css': 'text/css; charset=utf-8' }
const MAX_SIZE = 200
const CHANGES = 30
const HTML = 'text/html; charset=utf-8'

/** The page for people, what it fetches, and Eureka's `/lastn`. */
export function pageRoutes (server: FastifyInstance, parts: PageParts): void {
  const { registry, options, now } = parts
  server.addHook('onRequest', (_request, reply, done) => {
    reply.headers({
      'content-security-policy': POLICY, 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer', 'cache-control': 'no-store'
    })
    done()
  })
  // Spring has the page and /lastn below one path, and no double slash where that is the root.
  const path = pathOf(options)
  const html = asset('page.html').toString().split('{{base}}')
  const page = (request: FastifyRequest): string => html.join(escapeHtml(linkBase(request, path)))
  server.get(options.dashboardPath, (request, reply) => reply.type(HTML).send(page(request)))
  for (const [name, type] of Object.entries(ASSETS)) {
    const bytes = asset(name)
    server.get(`${path}/dashboard/${name}`, (_request, reply) => reply.type(type).send(bytes))
  }
  server.get(`${path}/dashboard/api/overview`, async request => ({
    ...overviewOf(registry, parts.peers, options, now()),
    mayChange: await mayChange(request, parts.auth),
    root: '../'.repeat(path.split('/').length)
  }))
  server.get(`${path}/dashboard/api/instances`, request =>
    rowsOf(registry, pageOf(request.query as Query, MAX_SIZE), now(), parts.checker))
  server.get(`${path}/dashboard/api/changes`, () => changesOf(registry, CHANGES))
  server.get(`${path}/dashboard/events`, { exposeHeadRoute: false }, (request, reply) =>
    parts.viewers.add(request, reply))
  server.get(`${path}/lastn`, (request, reply) => reply.type(HTML).send(lastChanges(registry, request)))
}

/** The page's buttons; apart from the pages, because changing takes another role. */
export function actionRoute (server: FastifyInstance, parts: PageParts): void {
  server.post(`${pathOf(parts.options)}/dashboard/api/actions`, (request, reply) =>
    act(parts, request, reply, () => reply.code(204).send(), 'page'))
}

/** Whether the page shows its buttons; pressing one is checked again. */
async function mayChange (request: FastifyRequest, auth: Authenticator | undefined): Promise<boolean> {
  return auth === undefined || (await auth.authenticate(request))?.role === 'admin'
}

/** The page's path, without a slash at its end: empty for the root. */
function pathOf ({ dashboardPath }: DiscoveryOptions): string {
  return dashboardPath.replace(/\/+$/, '')
}

function asset (name: string): Buffer {
  return readFileSync(new URL(`assets/${name}`, import.meta.url))
}

function lastChanges ({ book }: Registry, request: FastifyRequest): string {
  // Beside the page's own, from wherever the browser is.
  const base = request.originalUrl.split('?', 1)[0]!.endsWith('/') ? '../' : './'
  return '<!doctype html><html lang="en"><meta charset="utf-8"><title>Last changes</title>' +
    `<link rel="stylesheet" href="${base}dashboard/page.css"><main><h1>Last changes</h1>` +
    recentTable('Cancelled and expired', book.cancelled.list()) +
    recentTable('Registered', book.registered.list()) + '</main></html>'
}

function recentTable (title: string, entries: readonly RecentEntry[]): string {
  const rows = entries.map(({ at, app, id }) =>
    `<tr><td>${new Date(at).toISOString()}<td>${escapeHtml(`${app}(${id})`)}</tr>`)
  return `<h2>${title}</h2><table>${rows.join('')}</table>`
}
