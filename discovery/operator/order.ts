import { isTree, type Tree } from '../eureka/body.ts'
import { isStatus, STATUSES, type Instance, type Status } from '../registry/instance.ts'
import type { OverrideNote } from '../registry/words.ts'
import type { Registry } from '../registry.ts'
import { noteOf } from './note.ts'
import { CONDITION_NAMES, select, selectionOf, type Selection } from './selection.ts'

const KINDS = ['override', 'clear override', 'deregister'] as const

/** What an operator wants done, to all that are selected. */
export interface Order {
  readonly kind: typeof KINDS[number]
  readonly where: Selection
  /** Of an override. */
  readonly status: Status | undefined
  readonly note: OverrideNote
  /** Whether it is only to be said who is meant. */
  readonly dryRun: boolean
}

/** A slip in the name of one would do more than was meant: a dry run that is none, an override without an end. */
const FIELDS: ReadonlySet<string> = new Set([
  'kind', 'app', 'id', 'where', 'status', 'dryRun', 'reason', 'author', 'for', 'until'
])
const HERE = { replicated: false }

/**
 * An order from a body: `{"kind":"override","where":{"zone":"z1"},"status":"OUT_OF_SERVICE","reason":"x","for":"2h"}`,
 * `{"kind":"override","app":"A","id":"a1",...}` for one. A text says what is wrong with it.
 */
export function orderOf (body: Tree, now: number, author: string | undefined): Order | string {
  const strange = Object.keys(body).find(name => !FIELDS.has(name))
  if (strange !== undefined) return `"${strange}" is nothing that an order says: it says ${[...FIELDS].join(', ')}.`
  const { kind, app, id, status, where = { app, id }, dryRun = false } = body
  if (body.where !== undefined && (app !== undefined || id !== undefined)) return 'Either "where", or "app" and "id".'
  if (!isKind(kind)) return `"kind" must be one of ${KINDS.join(', ')}.`
  if (kind === 'override' && !isStatus(status)) return `"status" must be one of ${STATUSES.join(', ')}.`
  if (typeof dryRun !== 'boolean') return '"dryRun" must be true or false.'
  const selection = isTree(where) ? selectionOf(where) : '"where" must be an object.'
  if (typeof selection === 'string') return selection
  const note = faultOf(kind, selection) ?? noteOf(body, now, author)
  return typeof note === 'string' ? note : { kind, where: selection, status: isStatus(status) ? status : undefined, note, dryRun }
}

/** Does it here and at the peers; returns those it was done to. */
export function carryOut (registry: Registry, { kind, where, status, note, dryRun }: Order): Instance[] {
  const meant = select(registry.book, where)
  if (dryRun) return meant
  const done = meant.map(({ app, id }) => {
    switch (kind) {
      case 'override': return registry.override(app, id, status!, HERE, note)
      case 'clear override': return registry.clearOverride(app, id, undefined, HERE)
      case 'deregister': return registry.cancel(app, id, HERE)
    }
  })
  return done.filter(instance => instance !== undefined)
}

/** A slip must not take out everything, nor deregister a zone whose instances would all come back. */
function faultOf (kind: Order['kind'], where: Selection): string | undefined {
  const single = where.app !== undefined && where.id !== undefined
  if (kind === 'deregister' && !single) return 'One instance is deregistered at a time: "app" and "id" are needed.'
  return Object.keys(where).length === 0 ? `At least one of ${CONDITION_NAMES.join(', ')} is needed.` : undefined
}

function isKind (value: unknown): value is Order['kind'] {
  return (KINDS as readonly unknown[]).includes(value)
}
