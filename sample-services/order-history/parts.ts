/** What order-history is made of, wherever it runs: as a process of its own, or in a world of a test. */
import {
  PROJECTION_TABLES, Schemas, type FeedEvent, type MessagingParts, type Projection, type ProjectionParts, type SqlTx
} from '@breakwater/messaging'
import { fold } from './domain/order-document.ts'
import { MESSAGES, ORDER_EVENTS } from './messages.ts'
import { DOCUMENT_TABLES, documentOf, forgetDocuments, PROJECTION, putDocument } from './store/document-store.ts'

export const HISTORY_TABLES = PROJECTION_TABLES + DOCUMENT_TABLES

const schemas = new Schemas(MESSAGES)

export function historyParts (projection: Projection): Pick<MessagingParts<SqlTx>, 'schemas' | 'subscribe' | 'routes'> {
  return {
    schemas,
    subscribe: [{ service: 'orders', types: ORDER_EVENTS }],
    routes: Object.fromEntries(ORDER_EVENTS.map(type => [type, projection.route]))
  }
}

/** Asks orders for events, by a path of its HTTP API. */
export type ReadOrders = (path: string) => Promise<FeedEvent[]>

/** What makes orders' events documents. */
export function projectionOf (read: ReadOrders): Pick<ProjectionParts, 'name' | 'apply' | 'forget' | 'pull' | 'feed'> {
  return {
    name: PROJECTION,
    apply: async (tx, event, generation) => {
      const document = event.version === 1 ? undefined : await documentOf(tx, event.stream, generation)
      await putDocument(tx, fold(document, event), generation)
    },
    forget: forgetDocuments,
    pull: (stream, from) => read(`/internal/streams/order/${encodeURIComponent(stream)}?from=${from}`),
    feed: (after, limit) => read(`/internal/streams/order?after=${after}&limit=${limit}`)
  }
}
