import type { FastifyInstance } from 'fastify'
import type { Instance } from '../registry/instance.ts'
import type { Lease } from '../registry/lease.ts'
import type { Registry } from '../registry.ts'
import { FORBIDDEN, NOT_FOUND, type Answer } from './answers.ts'
import { applicationDocument, FORMS, instanceDocument, selectionDocument, type FormName } from './forms.ts'
import { appOf, sendForm, type EurekaRoute } from './http.ts'
import { documentPayload, type Payload } from './payload.ts'

/** What clients fetch: everything, what changed, one application, one instance, one virtual address. */
export function readRoutes (server: FastifyInstance, registry: Registry, disableDelta: boolean): void {
  const { book, payloads } = registry

  server.get('/apps', (request, reply) => sendForm(request, reply, form => payloads.all(form)))

  // 403 is how the original says that there is no delta; the clients then fetch everything.
  server.get('/apps/delta', (request, reply) =>
    sendForm(request, reply, form => disableDelta ? FORBIDDEN : payloads.delta(form) ?? FORBIDDEN))

  server.get<EurekaRoute>('/apps/:app', (request, reply) => sendForm(request, reply, form => {
    const app = book.apps.get(appOf(request))
    return app === undefined ? NOT_FOUND : document(form, applicationDocument(form, app))
  }))

  server.get<EurekaRoute>('/apps/:app/:id', (request, reply) => sendForm(request, reply, form =>
    instanceAnswer(form, book.find(appOf(request), request.params.id))))

  server.get<EurekaRoute>('/instances/:id', (request, reply) => sendForm(request, reply, form =>
    instanceAnswer(form, book.findById(request.params.id))))

  // An unknown address is an empty list, not a 404: the clients of the original rely on it.
  server.get<EurekaRoute>('/vips/:vip', (request, reply) => sendForm(request, reply, form =>
    document(form, selectionDocument(form, book.vips.get(request.params.vip)))))

  server.get<EurekaRoute>('/svips/:vip', (request, reply) => sendForm(request, reply, form =>
    document(form, selectionDocument(form, book.secureVips.get(request.params.vip)))))
}

function instanceAnswer (form: FormName, lease: Lease | undefined): Payload | Answer {
  return lease === undefined ? NOT_FOUND : document(form, instanceDocument(form, renewedAtNow(lease)))
}

/** The stored instance knows its last renewal as of its last change; asked for alone, it says the present one. */
function renewedAtNow ({ instance, renewedAt }: Lease): Instance {
  return { ...instance, lease: { ...instance.lease, renewedAt } }
}

function document (form: FormName, text: string): Payload {
  return documentPayload(FORMS[form].type, text)
}
