/** `POST /monitor`: a webhook that is genuine leads to a fetch at once, and with it to the watchers. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Logger } from '@breakwater/starter'
import { error } from '../errors.ts'
import { applicationsOf, changedPaths, isGenuine, type WebhookOptions } from '../push/webhook.ts'

export interface MonitorParts {
  /** Put before `/monitor`; the server's prefix is not, as in Spring. */
  readonly monitorPath: string
  readonly webhook: WebhookOptions
  readonly log: Logger
  readonly refresh: () => Promise<void>
}

/** Registers the endpoint. The answer names the applications that may be concerned, as Spring's does. */
export function monitorRoute (app: FastifyInstance, { monitorPath, webhook, log, refresh }: MonitorParts): void {
  app.post(`${monitorPath}/monitor`, async (request, reply) => {
    const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0)
    if (!isGenuine(request.headers, body, webhook, Date.now())) throw error('E_WEBHOOK_SIGNATURE')
    const paths = changedPaths(request.headers, readBody(request, body), webhook.disabled) ?? []
    const applications = applicationsOf(paths)
    log.info({ applications: applications.slice(0, 20), files: paths.length }, 'told of a change, fetching')
    // The host of the repository waits only for this answer, not for the fetch.
    refresh().catch((failure: unknown) => log.warn({ err: failure }, 'the fetch after a webhook failed'))
    return reply.header('content-type', 'application/json').send(Buffer.from(JSON.stringify(applications)))
  })
}

function readBody (request: FastifyRequest, body: Buffer): Record<string, unknown> {
  if (request.headers['content-type']?.startsWith('application/x-www-form-urlencoded') === true) {
    return { path: new URLSearchParams(body.toString()).getAll('path') }
  }
  try {
    const json: unknown = JSON.parse(body.toString())
    if (typeof json === 'object' && json !== null && !Array.isArray(json)) return json as Record<string, unknown>
  } catch {
    // Falls through to the same answer as for a body that is no object.
  }
  throw error('E_WEBHOOK_BODY')
}
