/**
 * What a git host tells by webhook: whether it is genuine, and which applications its files belong to. Spring's
 * /monitor believes anyone; here a signature is required unless the operator switched that off by name.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'

export interface WebhookOptions {
  /** `breakwater.config-server.webhook.secret`. @default none: every call is refused */
  readonly secret?: string | undefined
  /** `breakwater.config-server.webhook.unsigned`: believes anyone who can reach the server. @default false */
  readonly unsigned: boolean
  /** Providers switched off by `spring.cloud.config.server.monitor.<name>.enabled: false`. @default none */
  readonly disabled: ReadonlySet<string>
}

const MAX_PATHS = 10_000

/** Compares signatures and tokens in constant time, in the headers that the providers use. */
export function isGenuine (headers: IncomingHttpHeaders, body: Buffer, { secret, unsigned }: WebhookOptions): boolean {
  if (unsigned) return true
  if (secret === undefined || secret === '') return false
  const digest = createHmac('sha256', secret).update(body).digest('hex')
  const signatures = ['x-hub-signature-256', 'x-hub-signature', 'x-gitea-signature', 'x-gogs-signature']
  const tokens = ['x-gitlab-token', 'x-gitee-token']
  return signatures.some(name => equal(textOf(headers[name]).replace(/^sha256=/, ''), digest)) ||
    tokens.some(name => equal(textOf(headers[name]), secret))
}

function textOf (value: string | string[] | undefined): string {
  return typeof value === 'string' ? value : ''
}

function equal (given: string, expected: string): boolean {
  const [a, b] = [given, expected].map(text => createHmac('sha256', 'compare').update(text).digest())
  return given !== '' && timingSafeEqual(a!, b!)
}

type Json = Record<string, unknown>

/** The paths that a payload names, by the rules of its provider; undefined when nobody recognises it. */
export function changedPaths (
  headers: IncomingHttpHeaders, body: Json, disabled: ReadonlySet<string>
): string[] | undefined {
  for (const [name, read] of Object.entries(PROVIDERS)) {
    const paths = disabled.has(name) ? undefined : read(headers, body)
    if (paths !== undefined) return paths.slice(0, MAX_PATHS)
  }
  return plainPaths(body['path'])
}

type Provider = (headers: IncomingHttpHeaders, body: Json) => string[] | undefined

const ALL = ['application.yml']

// Bitbucket and Gitea payloads name no files, or not all: every application may have changed.
const PROVIDERS: Readonly<Record<string, Provider>> = {
  github: pushOf('x-github-event', 'push'),
  gitlab: pushOf('x-gitlab-event', 'Push Hook'),
  gitee: pushOf('x-git-oschina-event', 'Push Hook'),
  gogs: pushOf('x-gogs-event', 'push'),
  gitea: (headers, body) => headers['x-gitea-event'] === 'push' && Array.isArray(body['commits']) ? ALL : undefined,
  bitbucket: (headers, body) => isBitbucketCloud(headers, body) || isBitbucketServer(headers, body) ? ALL : undefined
}

function pushOf (header: string, event: string): Provider {
  return (headers, body) => headers[header] !== event || headers['x-gitea-event'] !== undefined
    ? undefined
    : listOf(body['commits']).flatMap(commit => ['added', 'removed', 'modified'].flatMap(kind => plainPaths(commit[kind]) ?? []))
}

function isBitbucketCloud (headers: IncomingHttpHeaders, body: Json): boolean {
  const event = headers['x-event-key']
  return (event === 'repo:push' || event === 'pullrequest:fulfilled') && headers['x-hook-uuid'] !== undefined &&
    Array.isArray((body['push'] as Json | undefined)?.['changes'])
}

function isBitbucketServer (headers: IncomingHttpHeaders, body: Json): boolean {
  const event = headers['x-event-key']
  if (headers['x-request-id'] === undefined) return false
  return event === 'pr:merged' || (event === 'repo:refs_changed' && Array.isArray(body['changes']))
}

function listOf (value: unknown): Json[] {
  return Array.isArray(value) ? value.filter((item): item is Json => typeof item === 'object' && item !== null) : []
}

function plainPaths (value: unknown): string[] | undefined {
  if (typeof value === 'string') return [value]
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : undefined
}

/** The applications that files may belong to: `foo-local-dev.yml` is of foo-local-dev, foo-local or foo; `*` is all. */
export function applicationsOf (paths: readonly string[]): string[] {
  return [...new Set(paths.flatMap(path => {
    const file = path.split(/[\\/]/).at(-1) ?? ''
    const stem = file.replace(/\.[^.]*$/, '')
    if (stem === '') return []
    const parts = stem.split('-')
    return parts.map((_part, index) => parts.slice(0, parts.length - index).join('-'))
      .map(name => name === 'application' ? '*' : name)
  }))]
}
