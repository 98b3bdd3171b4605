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

/** Compares signatures, tokens and passwords in constant time, in the headers that the providers use. */
export function isGenuine (
  headers: IncomingHttpHeaders, body: Buffer, { secret, unsigned }: WebhookOptions, nowMs: number
): boolean {
  if (unsigned) return true
  if (secret === undefined || secret === '') return false
  return isSigned(headers, body, secret) || TOKENS.some(name => equal(textOf(headers[name]), secret)) ||
    equal(basicPassword(headers), secret) || isStandard(headers, body, secret, nowMs)
}

const SIGNATURES = ['x-hub-signature-256', 'x-hub-signature', 'x-gitea-signature', 'x-forgejo-signature', 'x-gogs-signature']
const TOKENS = ['x-gitlab-token', 'x-gitee-token']

function isSigned (headers: IncomingHttpHeaders, body: Buffer, secret: string): boolean {
  const digest = createHmac('sha256', secret).update(body).digest('hex')
  return SIGNATURES.some(name => equal(textOf(headers[name]).replace(/^sha256=/, ''), digest))
}

// Azure DevOps signs nothing: it sends the secret as the password of a user with any name.
function basicPassword (headers: IncomingHttpHeaders): string {
  const [, base64 = ''] = /^Basic ([A-Za-z0-9+/]+=*)$/i.exec(headers.authorization ?? '') ?? []
  const pair = Buffer.from(base64, 'base64').toString()
  return pair.includes(':') ? pair.slice(pair.indexOf(':') + 1) : ''
}

const TOLERANCE_MS = 300_000

// Standard Webhooks 1.0, which GitLab signs by, too: id, time and body under a key that is written as base64.
function isStandard (headers: IncomingHttpHeaders, body: Buffer, secret: string, nowMs: number): boolean {
  const [id, time] = [textOf(headers['webhook-id']), textOf(headers['webhook-timestamp'])]
  if (id === '' || !/^\d{1,12}$/.test(time) || Math.abs(nowMs - Number(time) * 1000) > TOLERANCE_MS) return false
  const key = secret.startsWith('whsec_') ? Buffer.from(secret.slice('whsec_'.length), 'base64') : secret
  const digest = createHmac('sha256', key).update(`${id}.${time}.`).update(body).digest('base64')
  return textOf(headers['webhook-signature']).split(' ', MAX_SIGNATURES).some(one => equal(one, `v1,${digest}`))
}

// While a key is changed there are two.
const MAX_SIGNATURES = 10

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

// Payloads of Bitbucket, Gitea and Azure name no files, or not all: every application may have changed.
const PROVIDERS: Readonly<Record<string, Provider>> = {
  github: pushOf('x-github-event', 'push'),
  gitlab: pushOf('x-gitlab-event', 'Push Hook'),
  gitee: pushOf('x-git-oschina-event', 'Push Hook'),
  gogs: pushOf('x-gogs-event', 'push'),
  // Forgejo sends the headers of Gitea besides its own, and may stop doing so.
  gitea: (headers, body) => {
    const event = headers['x-gitea-event'] ?? headers['x-forgejo-event']
    return event === 'push' && Array.isArray(body['commits']) ? ALL : undefined
  },
  azure: (_headers, body) => body['eventType'] === 'git.push' ? ALL : undefined,
  bitbucket: (headers, body) => isBitbucketCloud(headers, body) || isBitbucketServer(headers, body) ? ALL : undefined
}

function pushOf (header: string, event: string): Provider {
  return (headers, body) => headers[header] !== event || headers['x-gitea-event'] !== undefined || headers['x-forgejo-event'] !== undefined
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
