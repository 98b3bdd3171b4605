import type { FastifyInstance } from 'fastify'
import { badRequest, isAnswer, type Answer } from '../eureka/answers.ts'
import { UNPARSABLE, type Tree } from '../eureka/body.ts'
import { readBody, send, type EurekaRoute } from '../eureka/http.ts'
import type { Actor } from '../registry/actor.ts'
import type { Book } from '../registry/book.ts'
import type { Registry } from '../registry.ts'
import { actorOf } from '../security/access.ts'
import { answerComparison, answerExchange } from './agreement.ts'
import { decodeBatch, encodeResults, type BatchItem, type ItemResult } from './batch.ts'

const FOREIGN = { replicated: true }
const DONE: ItemResult = Object.freeze({ status: 200 })
const GONE: ItemResult = Object.freeze({ status: 404 })
const SENSELESS: ItemResult = Object.freeze({ status: 400 })
const FAILED: ItemResult = Object.freeze({ status: 500 })
const REFUSED: ItemResult = Object.freeze({ status: 503 })

/** What another registry posts, by the last part of its path; each answers undefined for what is no such body. */
const ANSWERS: Readonly<Record<string, (registry: Registry, body: Tree, peer: Actor) => string | undefined>> = {
  batch: (registry, body, peer) => {
    const items = decodeBatch(body)
    return items && encodeResults(items.map(item => item === undefined
      ? SENSELESS
      : registry.book.speaker.as({ ...peer, action: item.action }, () => applyItem(registry, item))))
  },
  compare: ({ book }, body) => answerComparison(book, body),
  exchange: ({ book }, body, peer) => book.speaker.as(peer, () => answerExchange(book, body))
}

/** `POST peerreplication/...`: what another registry has to tell or to ask. */
export function peerRoutes (server: FastifyInstance, registry: Registry, maxBatchBytes: number): void {
  for (const name of Object.keys(ANSWERS)) {
    server.post<EurekaRoute>(`/peerreplication/${name}`, { bodyLimit: maxBatchBytes }, async (request, reply) => {
      const body = await readBody(request, maxBatchBytes)
      return send(reply, isAnswer(body) ? body : answerPeer(registry, name, body.tree, actorOf(request, undefined, 'peer')))
    })
  }
}

/** The answer to what a peer posts to `peerreplication/NAME`. */
export function answerPeer (registry: Registry, name: string, tree: Tree, peer: Actor): Answer {
  const body = ANSWERS[name]?.(registry, tree, peer)
  return body === undefined ? badRequest(UNPARSABLE) : { status: 200, type: 'application/json', body }
}

/** Does what one item says, as told by a peer. A registry of ours says all it knows, whatever the action is. */
export function applyItem ({ book }: Registry, item: BatchItem): ItemResult {
  const { app, id, state } = item
  if (state === undefined) return applyForeign(book, item)
  if (state === 'invalid') return FAILED
  if (state !== 'same' && !book.copies.merge(state)) return REFUSED
  if (item.action === 'Heartbeat') return book.renew(app, id, FOREIGN) === 'unknown' ? GONE : DONE
  return DONE
}

/** A server without stamps, Spring's or Netflix's, says only what happened, and what it says happens now. */
function applyForeign (book: Book, item: BatchItem): ItemResult {
  switch (item.action) {
    case 'Register': return register(book, item)
    case 'Heartbeat': return renew(book, item)
    case 'Cancel': return book.cancel(item.app, item.id) === undefined ? GONE : DONE
    case 'StatusUpdate': return override(book, item)
    case 'DeleteStatusOverride': return clearOverride(book, item)
  }
}

/** An instance that would be refused is answered with 200 all the same: the original drops the refusal. */
function register (book: Book, { instance }: BatchItem): ItemResult {
  if (instance === undefined) return FAILED
  if (instance === 'invalid') return DONE
  if (book.isFull && book.lease(instance.app, instance.id) === undefined) return REFUSED
  book.register(instance, true)
  return DONE
}

function renew (book: Book, { app, id, lastDirtyAt, overriddenStatus }: BatchItem): ItemResult {
  const renewal = book.renew(app, id, { replicated: true, lastDirtyAt, overriddenStatus })
  if (renewal === 'renewed') return DONE
  return typeof renewal === 'string' ? GONE : { status: 409, instance: renewal }
}

/** The timestamp that comes along is not taken: without its content it would hide that the content is missing. */
function override (book: Book, { app, id, status }: BatchItem): ItemResult {
  if (status === undefined) return FAILED
  return book.override(app, id, status) === undefined ? GONE : DONE
}

function clearOverride (book: Book, { app, id, status, lastDirtyAt }: BatchItem): ItemResult {
  if (lastDirtyAt === undefined) return FAILED
  return book.clearOverride(app, id, status) === undefined ? GONE : DONE
}
