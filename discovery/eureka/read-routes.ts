import type { FastifyInstance } from 'fastify'
import type { Regions } from '../regions/regions.ts'
import type { Instance } from '../registry/instance.ts'
import type { Lease } from '../registry/lease.ts'
import type { StartWindow } from '../registry/start-window.ts'
import { FORBIDDEN, NOT_FOUND, type Answer } from './answers.ts'
import { applicationDocument, FORMS, instanceDocument, selectionDocument, type FormName } from './forms.ts'
import { appOf, isFromRegistry, queryOf, sendForm, type EurekaRequest, type EurekaRoute } from './http.ts'
import { documentPayload, type Payload } from './payload.ts'
import type { Payloads } from './payloads.ts'

/** Where the answers to fetches come from. */
export interface Reading {
  readonly regions: Regions
  readonly window: StartWindow
  readonly disableDelta: boolean
}

/** What clients fetch: everything, what changed, one application, one instance, one virtual address. */
export function readRoutes (server: FastifyInstance, { regions, window, disableDelta }: Reading): void {
  // 403 is the original's "not now": of a list, while it may not be whole; of a delta also when there is none.
  const whenOpen = (answer: () => Payload | Answer): Payload | Answer => window.isOpen ? answer() : FORBIDDEN
  const fromLists = (request: EurekaRequest, choose: (lists: Payloads) => Payload | undefined) => whenOpen(() => {
    const lists = regions.lists(queryOf(request, 'regions'), isFromRegistry(request))
    return (lists === undefined ? undefined : choose(lists)) ?? FORBIDDEN
  })

  server.get<EurekaRoute>('/apps', (request, reply) => sendForm(request, reply, form =>
    fromLists(request, lists => lists.all(form))))

  server.get<EurekaRoute>('/apps/delta', (request, reply) => sendForm(request, reply, form =>
    disableDelta ? FORBIDDEN : fromLists(request, lists => lists.delta(form))))

  server.get<EurekaRoute>('/apps/:app', (request, reply) => sendForm(request, reply, form => whenOpen(() => {
    const app = regions.application(appOf(request))
    return app === undefined ? NOT_FOUND : document(form, applicationDocument(form, app))
  })))

  server.get<EurekaRoute>('/apps/:app/:id', (request, reply) => sendForm(request, reply, form =>
    instanceAnswer(form, regions.instance(appOf(request), request.params.id))))

  server.get<EurekaRoute>('/instances/:id', (request, reply) => sendForm(request, reply, form =>
    instanceAnswer(form, regions.instanceById(request.params.id))))

  // An unknown address is an empty list, not a 404: the clients of the original rely on it.
  for (const [path, field] of [['/vips/:vip', 'vips'], ['/svips/:vip', 'secureVips']] as const) {
    server.get<EurekaRoute>(path, (request, reply) => sendForm(request, reply, form => whenOpen(() =>
      document(form, selectionDocument(form, regions.byVip(field, request.params.vip))))))
  }
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
