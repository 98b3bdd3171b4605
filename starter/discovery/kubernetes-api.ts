/**
 * The part of the Kubernetes API that discovery needs: read a list page by page, and watch it from a version on.
 *
 * Who we are and how to reach the server comes from @kubernetes/client-node (kubeconfig with its exec and OIDC
 * logins, or the pod's service account). The requests are our own because its informer ends at the first error
 * and its watch neither limits a line nor the time to the first byte.
 */
import http from 'node:http'
import https from 'node:https'
import { readLines } from './kubernetes-lines.ts'
import { errorTable } from '../errors.ts'
import { onDemand } from '../on-demand.ts'
import type { KubeConfig } from '@kubernetes/client-node'
import type { IncomingMessage, RequestOptions } from 'node:http'

/** What went wrong between us and the Kubernetes API. */
export const kubernetesError = errorTable({
  E_KUBERNETES_CONFIG: {
    text: 'cannot tell how to reach the Kubernetes API: %s.',
    next: 'Run inside a pod with a service account token, or set breakwater.kubernetes.kubeconfig.'
  },
  E_KUBERNETES_FORBIDDEN: {
    text: 'the Kubernetes API refused it with %s: %s.',
    next: 'Grant the service account the verbs list and watch on endpointslices (see deploy/kubernetes/base).'
  },
  E_KUBERNETES_EXPIRED: { text: 'the Kubernetes API no longer has this version.', canRetry: true },
  E_KUBERNETES_ANSWER: { text: 'unexpected answer from the Kubernetes API: %s.', canRetry: true },
  E_KUBERNETES_UNREACHABLE: { text: 'the Kubernetes API does not answer: %s.', canRetry: true }
})

/** One page of a list as the API sends it. */
export interface KubernetesList {
  readonly metadata: { readonly resourceVersion: string, readonly continue?: string }
  readonly items: readonly KubernetesObject[]
}

/** What every object has that we look at. */
export interface KubernetesObject {
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly resourceVersion?: string
    readonly labels?: Readonly<Record<string, string>>
  }
}

/** One line of a watch. With type ERROR the object is a Status with a `code`. */
export interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR'
  readonly object: KubernetesObject & { readonly code?: number, readonly message?: string }
}

export interface KubernetesApi {
  /** The server's address, for logs. */
  readonly description: string
  /** The namespace of the pod or of the kubeconfig's context. */
  readonly namespace: string
  list (path: string, query: Readonly<Record<string, string>>, signal: AbortSignal): Promise<KubernetesList>
  /** Resolves when the server ends the watch; rejects when it fails or stays silent for too long. */
  watch (path: string, query: Readonly<Record<string, string>>, onEvent: (event: WatchEvent) => void,
    signal: AbortSignal): Promise<void>
}

export interface KubernetesApiOptions {
  /** Path of a kubeconfig file. Default: `$KUBECONFIG`, `~/.kube/config`, then the pod's service account. */
  readonly kubeconfig?: string | undefined
  /** Time to the first byte of any answer. @default 10_000 */
  readonly requestTimeoutMs?: number
  /** A watch without a byte for this long is dead. The server sends a bookmark every minute. @default 120_000 */
  readonly watchSilenceMs?: number
}

/** A page of 500 slices with 1,000 endpoints each stays below this. */
const MAX_LIST_BYTES = 256 * 1024 * 1024

/** A whole page, however slowly it comes. */
const LIST_DEADLINE_MS = 60_000

/** Finds the way to the API; nothing is sent yet. */
export async function connectKubernetes (options: KubernetesApiOptions = {}): Promise<KubernetesApi> {
  const { config, server } = await loadConfig(options.kubeconfig)
  const send = sender(config, new URL(server), options.requestTimeoutMs ?? 10_000)
  const watchSilenceMs = options.watchSilenceMs ?? 120_000
  return {
    description: server,
    namespace: config.getContextObject(config.getCurrentContext())?.namespace ?? 'default',
    list: async (path, query, signal) => {
      const deadline = AbortSignal.any([signal, AbortSignal.timeout(LIST_DEADLINE_MS)])
      return readList(await send(path, query, deadline))
    },
    watch: async (path, query, onEvent, signal) => {
      const answer = await send(path, { ...query, watch: 'true' }, signal)
      await readLines(answer, watchSilenceMs, (line) => onEvent(parseEvent(line)))
    }
  }
}

async function loadConfig (file: string | undefined): Promise<{ config: KubeConfig, server: string }> {
  try {
    const { KubeConfig } = await onDemand.kubernetesClient()
    const config = new KubeConfig()
    if (file === undefined) config.loadFromDefault()
    else config.loadFromFile(file)
    const server = config.getCurrentCluster()?.server
    if (server === undefined) throw new Error('the kubeconfig has no current context')
    return { config, server }
  } catch (cause) {
    throw kubernetesError('E_KUBERNETES_CONFIG', [reason(cause)], { where: file, cause })
  }
}

type Send = (path: string, query: Readonly<Record<string, string>>, signal: AbortSignal) => Promise<IncomingMessage>

function sender (config: KubeConfig, server: URL, timeoutMs: number): Send {
  const base = server.pathname.replace(/\/$/, '')
  return async (path, query, signal) => {
    const options: RequestOptions = {
      hostname: server.hostname.replace(/^\[|\]$/g, ''),
      port: server.port,
      path: `${base}${path}?${new URLSearchParams(query).toString()}`,
      headers: { accept: 'application/json', 'user-agent': 'breakwater' },
      signal
    }
    // Asked anew for each request: service account tokens live for an hour and are rotated on disk.
    await config.applyToHTTPSOptions(options)
    return accept(await open(server.protocol === 'http:' ? http.request(options) : https.request(options), timeoutMs))
  }
}

function open (request: http.ClientRequest, timeoutMs: number): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => request.destroy(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs)
    request.once('close', () => clearTimeout(timer))
    request.once('response', (response) => {
      clearTimeout(timer)
      resolve(response)
    })
    request.once('error', (cause) => reject(kubernetesError('E_KUBERNETES_UNREACHABLE', [reason(cause)], { cause })))
    request.end()
  })
}

async function accept (response: IncomingMessage): Promise<IncomingMessage> {
  if (response.statusCode === 200) return response
  const text = (await readAll(response, 64 * 1024)).toString()
  if (response.statusCode === 410) throw kubernetesError('E_KUBERNETES_EXPIRED')
  const refused = response.statusCode === 401 || response.statusCode === 403
  throw kubernetesError(refused ? 'E_KUBERNETES_FORBIDDEN' : 'E_KUBERNETES_ANSWER',
    refused ? [response.statusCode, statusMessage(text)] : [`${response.statusCode} ${statusMessage(text)}`])
}

/** The API explains itself in a Status object; a proxy between us may answer anything. */
function statusMessage (text: string): string {
  const message = /"message":"((?:[^"\\]|\\.){0,400})/.exec(text)
  return message?.[1]?.replace(/\\(.)/g, '$1') ?? 'without an explanation'
}

async function readList (response: IncomingMessage): Promise<KubernetesList> {
  const list: unknown = parse((await readAll(response, MAX_LIST_BYTES)).toString())
  // Go writes an empty list as null.
  if (isObject(list) && list['items'] === null) list['items'] = []
  if (isList(list)) return list
  throw kubernetesError('E_KUBERNETES_ANSWER', ['a list without items or resourceVersion'])
}

function isObject (value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

function isList (value: unknown): value is KubernetesList {
  const list = value as Partial<KubernetesList> | null
  return Array.isArray(list?.items) && typeof list.metadata?.resourceVersion === 'string' &&
    list.items.every((item) => typeof item?.metadata?.name === 'string')
}

function parseEvent (line: string): WatchEvent {
  const event = parse(line) as Partial<WatchEvent> | null
  if (typeof event?.type === 'string' && typeof event.object === 'object' && event.object !== null) {
    return event as WatchEvent
  }
  throw kubernetesError('E_KUBERNETES_ANSWER', ['a watch line that is no event'])
}

function parse (text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw kubernetesError('E_KUBERNETES_ANSWER', ['not JSON'], { cause })
  }
}

async function readAll (response: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      bytes += chunk.length
      if (bytes > maxBytes) throw new Error(`more than ${maxBytes} bytes`)
      chunks.push(chunk)
    }
  } catch (cause) {
    throw kubernetesError('E_KUBERNETES_UNREACHABLE', [reason(cause)], { cause })
  }
  return Buffer.concat(chunks)
}

function reason (cause: unknown): string {
  return cause instanceof Error ? cause.message || cause.name : String(cause)
}
