/** The owner's changes for its replicas: `GET /internal/changes?after=&waitMs=`. */
import { setTimeout as delay } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import { userError } from '../errors.ts'
import { changesAfter, type UserChange } from '../store/user-store.ts'
import type { UserNode } from './user-node.ts'

/** Between two looks for changes: a replica's greatest lag behind a change, paid with one indexed read. */
const LOOK_MS = 20

const querystring = {
  type: 'object',
  properties: {
    after: { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER, default: 0 },
    waitMs: { type: 'integer', minimum: 0, maximum: 20_000, default: 0 }
  }
} as const

export function changesRoute (app: FastifyInstance, node: UserNode): void {
  app.get<{ Querystring: { after: number, waitMs: number } }>(
    '/internal/changes', { schema: { querystring, hide: true } }, async request => {
      const { after, waitMs } = request.query
      const deadline = performance.now() + waitMs
      for (;;) {
        const items = await look(node, after)
        if (items.length > 0 || performance.now() >= deadline || request.raw.socket.destroyed) return { items }
        await delay(LOOK_MS)
      }
    })
}

async function look (node: UserNode, after: number): Promise<UserChange[]> {
  if (node.store === undefined) throw userError('E_NO_OWNER')
  return changesAfter(node.store.read, after)
}
