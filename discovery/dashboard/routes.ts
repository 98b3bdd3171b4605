import type { FastifyInstance } from 'fastify'
import type { DiscoveryOptions } from '../options.ts'
import type { Lease } from '../registry/lease.ts'
import type { RecentEntry } from '../registry/recent.ts'
import type { Registry } from '../registry.ts'
import { escapeHtml } from './html.ts'
import { preservationWords } from './words.ts'

const SHOWN = 500
const STYLE = 'body{font:15px/1.5 system-ui,sans-serif;margin:2rem;max-width:75rem}table{border-collapse:collapse;width:100%}' +
  'th,td{text-align:left;padding:.25rem .75rem .25rem 0;border-bottom:1px solid #ddd}'

/** The pages for people: `/` and Eureka's `/lastn`. */
export function pageRoutes (
  server: FastifyInstance, registry: Registry, options: DiscoveryOptions, now: () => number
): void {
  server.addHook('onRequest', (_request, reply, done) => {
    reply.header('content-security-policy', "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
    reply.type('text/html; charset=utf-8')
    done()
  })
  server.get(options.dashboardPath, () => page('Registry', overview(registry, options, now())))
  server.get('/lastn', () => page('Last changes',
    recentTable('Cancelled and expired', registry.book.cancelled.list()) +
    recentTable('Registered', registry.book.registered.list())))
}

function overview ({ book }: Registry, options: DiscoveryOptions, now: number): string {
  const rows: string[] = []
  for (const lease of book.leases()) {
    if (rows.length === SHOWN) break
    rows.push(row(lease, now))
  }
  return `<p>${escapeHtml(`${options.environment} / ${options.datacenter}`)}: ${book.apps.size} applications, ${book.size} instances.</p>` +
    `<p>${escapeHtml(preservationWords(book.preservation()))}</p>` +
    '<table><tr><th>Application<th>Instance<th>Status<th>Renewed<th>Zone</tr>' + rows.join('') + '</table>' +
    (book.size > SHOWN ? `<p>The first ${SHOWN} are shown.</p>` : '')
}

function row ({ instance, renewedAt }: Lease, now: number): string {
  const age = `${Math.max(0, Math.round((now - renewedAt) / 1000))} s ago`
  const cells = [instance.app, instance.id, instance.status, age, instance.metadata.get('zone') ?? '']
  return `<tr>${cells.map(cell => `<td>${escapeHtml(cell)}`).join('')}</tr>`
}

function recentTable (title: string, entries: readonly RecentEntry[]): string {
  const rows = entries.map(({ at, app, id }) =>
    `<tr><td>${new Date(at).toISOString()}<td>${escapeHtml(`${app}(${id})`)}</tr>`)
  return `<h2>${title}</h2><table>${rows.join('')}</table>`
}

function page (title: string, body: string): string {
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>${title}</title><style>${STYLE}</style><h1>${title}</h1>${body}</html>`
}
