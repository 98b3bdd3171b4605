/**
 * The compiled table: an index in front of the predicates, so that 10,000 routes cost what 10 cost.
 *
 * Every route stands in a tree of path segments, at the end of the literal beginning of its Path pattern (a route
 * without one at the root); in each node routes with exact hosts stand under their host. A request walks its own
 * path down the tree and meets all routes that could fit; of these the one that comes first in order wins, its
 * predicates deciding as before. The index only leaves out what cannot fit.
 */
import type { Exchange } from '../exchange.ts'
import type { RouteDraft } from './factory.ts'
import { bareHost } from './host-pattern.ts'
import { decodeSegment } from './path-pattern.ts'
import type { Route, RouteTable } from './route.ts'

class Node {
  readonly children = new Map<string, Node>()
  /** Indices of routes, ascending. */
  readonly anyHost: number[] = []
  readonly byHost = new Map<string, number[]>()

  child (segment: string): Node {
    let node = this.children.get(segment)
    if (node === undefined) this.children.set(segment, node = new Node())
    return node
  }
}

const NONE = -1

export class IndexedTable implements RouteTable {
  readonly routes: readonly Route[]
  readonly #root = new Node()
  /** The lists met on the way down and how far each was read. Matching never waits, so one set serves all. */
  readonly #lists: Array<readonly number[]> = []
  readonly #positions: number[] = []

  /** Called before each match. */
  readonly #onMatch: () => void

  constructor (routes: readonly Route[], drafts: readonly RouteDraft[], onMatch: () => void = () => {}) {
    this.routes = routes
    this.#onMatch = onMatch
    drafts.forEach((draft, i) => this.#add(i, draft))
  }

  match (x: Exchange): Route | undefined {
    this.#onMatch()
    const count = this.#collect(x)
    for (let i = this.#next(count); i !== NONE; i = this.#next(count)) {
      const route = this.routes[i] as Route
      if (allHold(route, x)) return route
      x.variables = null
    }
    return undefined
  }

  /** Every route that the index would have asked, in order: for explain. */
  candidates (x: Exchange): Route[] {
    const count = this.#collect(x)
    const found: Route[] = []
    for (let i = this.#next(count); i !== NONE; i = this.#next(count)) found.push(this.routes[i] as Route)
    return found
  }

  #add (index: number, draft: RouteDraft): void {
    for (const prefix of new Set(draft.pathPrefixes ?? [''])) {
      let node = this.#root
      for (const segment of segmentsOf(prefix)) node = node.child(segment)
      if (draft.hosts === null) push(node.anyHost, index)
      else for (const host of draft.hosts) push(listFor(node.byHost, host), index)
    }
  }

  /** Walks the path down; leaves the lists met in `#lists` and returns how many. */
  #collect (x: Exchange): number {
    const encoded = x.path.includes('%') || x.path.includes(';')
    let node: Node | undefined = this.#root
    let count = this.#meet(node, x, 0)
    let start = 1
    while (node.children.size > 0 && start <= x.path.length) {
      let end = x.path.indexOf('/', start)
      if (end < 0) end = x.path.length
      const raw = x.path.slice(start, end)
      node = node.children.get(encoded ? decodeSegment(raw) : raw)
      if (node === undefined) break
      count = this.#meet(node, x, count)
      start = end + 1
    }
    return count
  }

  #meet (node: Node, x: Exchange, count: number): number {
    let at = count
    if (node.anyHost.length > 0) at = this.#push(node.anyHost, at)
    if (node.byHost.size > 0) {
      const list = node.byHost.get(bareHost(x.host).toLowerCase())
      if (list !== undefined) at = this.#push(list, at)
    }
    return at
  }

  #push (list: readonly number[], at: number): number {
    this.#lists[at] = list
    this.#positions[at] = 0
    return at + 1
  }

  /** The lowest index not yet read in any list; one that stands in two lists is read from both. */
  #next (count: number): number {
    let lowest = NONE
    for (let k = 0; k < count; k++) {
      const value = this.#lists[k]?.[this.#positions[k] ?? 0]
      if (value !== undefined && (lowest === NONE || value < lowest)) lowest = value
    }
    if (lowest === NONE) return NONE
    for (let k = 0; k < count; k++) {
      if (this.#lists[k]?.[this.#positions[k] ?? 0] === lowest) this.#positions[k] = (this.#positions[k] ?? 0) + 1
    }
    return lowest
  }
}

/** `/` alone is the root: with or without its trailing slash. */
function segmentsOf (prefix: string): string[] {
  const segments = prefix.split('/').slice(1)
  if (segments.at(-1) === '') segments.pop()
  return segments
}

function listFor (lists: Map<string, number[]>, host: string): number[] {
  let list = lists.get(host)
  if (list === undefined) lists.set(host, list = [])
  return list
}

function push (list: number[], index: number): void {
  if (list.at(-1) !== index) list.push(index)
}

function allHold (route: Route, x: Exchange): boolean {
  for (const predicate of route.predicates) if (!predicate.test(x)) return false
  return true
}
