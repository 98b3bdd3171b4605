/**
 * A Kubernetes API server for tests: collections with resource versions, paged lists, watches with bookmarks, and the
 * ways in which the real one fails its clients (410 Gone, ended watches, cut connections, refusals, silence).
 * Its behaviour was compared with a real 1.36 by the same tests (`npm run test:kube`).
 */
import http from 'node:http'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { AddressInfo } from 'node:net'
import type { IncomingMessage, ServerResponse } from 'node:http'

export interface FakeObject {
  metadata: { name: string, namespace?: string, labels?: Record<string, string>, resourceVersion?: string }
  [field: string]: unknown
}

type EventType = 'ADDED' | 'MODIFIED' | 'DELETED'

interface Change { version: number, type: EventType, object: FakeObject }
interface Watcher { matches: (object: FakeObject) => boolean, response: ServerResponse }

export class FakeApiServer {
  /** Requests seen, as `list PATH` and `watch PATH VERSION`. */
  readonly requests: string[] = []
  /** The Authorization header of each request. */
  readonly tokens: string[] = []
  pageSize = 500
  /** As Go writes a list that was never filled. */
  nullItems = false
  /** Answers every request with this status instead. */
  refuse: number | undefined
  readonly #server = http.createServer((request, response) => this.#handle(request, response))
  readonly #objects = new Map<string, FakeObject>()
  readonly #watchers = new Set<Watcher>()
  #history: Change[] = []
  #version = 1000
  #port = 0

  /** Listens on the same port again after {@link kill}. */
  async start (): Promise<this> {
    this.#server.listen(this.#port, '127.0.0.1')
    await once(this.#server, 'listening')
    this.#port = (this.#server.address() as AddressInfo).port
    return this
  }

  /** Takes the server away: open watches are cut, new connections refused. */
  async kill (): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#server.closeAllConnections()
    this.#watchers.clear()
    await closed
  }

  /** A kubeconfig that points here, as a file in that folder. */
  kubeconfig (folder: string, namespace = 'demo'): string {
    const file = join(folder, 'kubeconfig')
    const server = `http://127.0.0.1:${this.#port}`
    writeFileSync(file, JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'fake',
      contexts: [{ name: 'fake', context: { cluster: 'fake', user: 'me', namespace } }],
      clusters: [{ name: 'fake', cluster: { server, 'insecure-skip-tls-verify': true } }],
      users: [{ name: 'me', user: { token: 'secret-token' } }]
    }))
    return file
  }

  get watchers (): number {
    return this.#watchers.size
  }

  put (object: FakeObject): void {
    const key = keyOf(object)
    this.#change(this.#objects.has(key) ? 'MODIFIED' : 'ADDED', object)
    this.#objects.set(key, this.#history.at(-1)?.object ?? object)
  }

  delete (name: string, namespace = 'demo'): void {
    const object = this.#objects.get(`${namespace}/${name}`)
    if (object === undefined) throw new Error(`no ${namespace}/${name}`)
    this.#objects.delete(keyOf(object))
    this.#change('DELETED', object)
  }

  /** Moves every watcher's version on without a change, as the real one does each minute. */
  bookmark (): void {
    const metadata = { resourceVersion: String(++this.#version) }
    for (const watcher of this.#watchers) send(watcher, { type: 'BOOKMARK', object: { metadata } })
  }

  /** Forgets the history, as etcd's compaction does: older versions are answered with 410 from now on. */
  compact (): void {
    this.#history = []
    this.#version++
  }

  /** Ends all watches: in order, by a cut connection, or by an ERROR event inside the watch. */
  endWatches (how: 'end' | 'cut' | 'gone' | 'garbage'): void {
    for (const watcher of this.#watchers) {
      if (how === 'gone') send(watcher, { type: 'ERROR', object: { kind: 'Status', code: 410, message: 'too old' } })
      if (how === 'garbage') watcher.response.write('{"type": not json\n')
      if (how === 'cut') watcher.response.destroy()
      else watcher.response.end()
    }
    this.#watchers.clear()
  }

  #change (type: EventType, object: FakeObject): void {
    const version = ++this.#version
    const stored = { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } }
    this.#history.push({ version, type, object: stored })
    for (const watcher of this.#watchers) {
      if (watcher.matches(stored)) send(watcher, { type, object: stored })
    }
  }

  #handle (request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '/', 'http://fake')
    const watching = url.searchParams.get('watch') === 'true'
    const from = url.searchParams.get('resourceVersion')
    this.requests.push(watching ? `watch ${url.pathname} ${from}` : `list ${url.pathname}`)
    this.tokens.push(request.headers.authorization ?? '')
    if (this.refuse !== undefined) return status(response, this.refuse, 'not for you')
    const namespace = /\/namespaces\/([^/]+)\//.exec(url.pathname)?.[1]
    const matches = (object: FakeObject) => namespace === undefined || object.metadata.namespace === namespace
    if (watching) this.#watch(Number(from), matches, response)
    else this.#list(url.searchParams, matches, response)
  }

  #list (query: URLSearchParams, matches: (object: FakeObject) => boolean, response: ServerResponse): void {
    const [version, skip] = (query.get('continue') ?? `${this.#version}:0`).split(':').map(Number) as [number, number]
    if (version !== this.#version) return status(response, 410, 'the continue token is too old')
    const all = [...this.#objects.values()].filter(matches)
    const items = all.slice(skip, skip + this.pageSize)
    const more = skip + items.length < all.length ? { continue: `${version}:${skip + items.length}` } : {}
    response.setHeader('content-type', 'application/json')
    const metadata = { resourceVersion: String(version), ...more }
    response.end(JSON.stringify({ metadata, items: this.nullItems ? null : items }))
  }

  #watch (from: number, matches: (object: FakeObject) => boolean, response: ServerResponse): void {
    const oldest = this.#history[0]?.version ?? this.#version + 1
    if (from < oldest - 1) return status(response, 410, `too old resource version: ${from} (${oldest})`)
    const watcher: Watcher = { matches, response }
    response.writeHead(200, { 'content-type': 'application/json' })
    response.flushHeaders()
    this.#watchers.add(watcher)
    response.once('close', () => this.#watchers.delete(watcher))
    for (const change of this.#history) {
      if (change.version > from && matches(change.object)) send(watcher, { type: change.type, object: change.object })
    }
  }
}

function keyOf (object: FakeObject): string {
  return `${object.metadata.namespace}/${object.metadata.name}`
}

function send (watcher: Watcher, event: object): void {
  watcher.response.write(`${JSON.stringify(event)}\n`)
}

function status (response: ServerResponse, code: number, message: string): void {
  response.writeHead(code, { 'content-type': 'application/json' })
  response.end(JSON.stringify({ kind: 'Status', status: 'Failure', code, message }))
}

/** An EndpointSlice with ready pods, or with what the endpoints say. */
export function slice (service: string, endpoints: object[], more: Partial<FakeObject> & { name?: string,
  namespace?: string, labels?: Record<string, string> } = {}): FakeObject {
  const { name = `${service}-abc`, namespace = 'demo', labels = {}, ...fields } = more
  return {
    metadata: { name, namespace, labels: { 'kubernetes.io/service-name': service, ...labels } },
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    endpoints,
    ...fields
  }
}

/** One endpoint of a slice. */
export function pod (name: string, address: string, more: object = {}): object {
  return { addresses: [address], conditions: { ready: true, serving: true, terminating: false }, targetRef: { kind: 'Pod', name }, ...more }
}
