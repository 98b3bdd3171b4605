import type { FastifyInstance } from 'fastify'
import { badRequest, isAnswer } from '../eureka/answers.ts'
import { UNPARSABLE } from '../eureka/body.ts'
import { readBody, send, type EurekaRoute } from '../eureka/http.ts'
import type { Registry } from '../registry.ts'
import { decodeBatch, encodeResults, type BatchItem, type ItemResult } from './batch.ts'

const PEER = { replicated: true }
const DONE: ItemResult = Object.freeze({ status: 200 })
const GONE: ItemResult = Object.freeze({ status: 404 })
const FAILED: ItemResult = Object.freeze({ status: 500 })
const REFUSED: ItemResult = Object.freeze({ status: 503 })

/** `POST peerreplication/batch/`: what another registry has to tell. Every item counts as replicated. */
export function batchRoute (server: FastifyInstance, registry: Registry, maxBatchBytes: number): void {
  server.post<EurekaRoute>('/peerreplication/batch', { bodyLimit: maxBatchBytes }, async (request, reply) => {
    const body = await readBody(request, maxBatchBytes)
    if (isAnswer(body)) return send(reply, body)
    const items = decodeBatch(body.tree)
    if (items === undefined) return send(reply, badRequest(UNPARSABLE))
    const results = items.map(item => applyItem(registry, item))
    return send(reply, { status: 200, type: 'application/json', body: encodeResults(results) })
  })
}

/** Does what one item says, as told by a peer. */
export function applyItem (registry: Registry, item: BatchItem): ItemResult {
  switch (item.action) {
    case 'Register': return register(registry, item)
    case 'Heartbeat': return renew(registry, item)
    case 'Cancel': return registry.cancel(item.app, item.id, true) === undefined ? GONE : DONE
    case 'StatusUpdate': return override(registry, item)
    case 'DeleteStatusOverride': return clearOverride(registry, item)
  }
}

/** An instance that would be refused is answered with 200 all the same: the original drops the refusal. */
function register (registry: Registry, { instance }: BatchItem): ItemResult {
  if (instance === undefined) return FAILED
  if (instance === 'invalid') return DONE
  if (registry.book.isFull && registry.book.lease(instance.app, instance.id) === undefined) return REFUSED
  registry.register(instance, true)
  return DONE
}

function renew (registry: Registry, { app, id, lastDirtyAt, overriddenStatus }: BatchItem): ItemResult {
  const renewal = registry.renew(app, id, { replicated: true, lastDirtyAt, overriddenStatus })
  if (renewal === 'renewed') return DONE
  return typeof renewal === 'string' ? GONE : { status: 409, instance: renewal }
}

function override (registry: Registry, { app, id, status, lastDirtyAt }: BatchItem): ItemResult {
  if (status === undefined) return FAILED
  return registry.override(app, id, status, { ...PEER, lastDirtyAt }) === undefined ? GONE : DONE
}

function clearOverride (registry: Registry, { app, id, status, lastDirtyAt }: BatchItem): ItemResult {
  if (lastDirtyAt === undefined) return FAILED
  return registry.clearOverride(app, id, status, { ...PEER, lastDirtyAt }) === undefined ? GONE : DONE
}
