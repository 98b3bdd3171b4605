/**
 * Who may ask for what. The starter proves who a caller is; the rules here say which applications, profiles and
 * labels it may touch, because any client of a Spring server can read every application's secrets.
 */
import type { FastifyRequest } from 'fastify'
import type { Authenticator, Principal, Role } from '@breakwater/starter'
import type { Ask } from '../environment/ask.ts'
import { error } from '../errors.ts'

/** What a caller wants to do. */
export type Action = 'read' | 'watch' | 'encrypt' | 'decrypt' | 'inspect' | 'operate'

/** One permission; every part may use `*` as a wildcard anywhere. What no rule permits is refused. */
export interface AccessRule {
  /** Names of callers. */
  readonly principals: readonly string[]
  readonly applications: readonly string[]
  readonly profiles: readonly string[]
  /** A question without a label has the label ``. */
  readonly labels: readonly string[]
  readonly actions: readonly string[]
  /** Paths of plain files, which no rule permits unless it names them; `*` ends at a slash. */
  readonly files: readonly string[]
}

/** Throws 401 or 403 unless the caller may. */
export type CheckAccess = (request: FastifyRequest, action: Action, ask?: Ask) => Promise<Principal>

// Decrypting by hand gives away any secret, pinning or rolling out changes what others get.
const ROLES: Record<Action, Role> = {
  read: 'read', watch: 'read', encrypt: 'read', inspect: 'read', decrypt: 'write', operate: 'admin'
}

/** Without rules the role alone decides; with rules callers below admin need one that permits all they ask for. */
export function createAccess (auth: Pick<Authenticator, 'check'>, rules: readonly AccessRule[]): CheckAccess {
  const compiled = rules.map(compile)
  return async (request, action, ask) => {
    const principal = await auth.check(request, ROLES[action])
    if (compiled.length === 0 || principal.role === 'admin') return principal
    if (!compiled.some(rule => permits(rule, principal.name, action, ask))) {
      throw error('E_ASK_FORBIDDEN', [principal.name, action, ask === undefined ? 'this' : `${ask.name}/${ask.profile}`])
    }
    return principal
  }
}

/** The files of those named that a caller may have; throws E_ASK_FORBIDDEN (403) when it may have none. */
export type FilterFiles = (principal: Principal, ask: Ask, files: readonly string[]) => readonly string[]

/**
 * Rules hold for files by what they are, not by the URL that leads to them: a configuration file is permitted to who
 * may ask for the environments that it is part of, any other file to whom a rule names it. Decided before it is looked
 * for, so that a refusal does not tell whether it exists.
 */
export function createFileAccess (rules: readonly AccessRule[]): FilterFiles {
  const compiled = rules.map(compile)
  return (principal, ask, files) => {
    if (compiled.length === 0 || principal.role === 'admin') return files
    const own = compiled.filter(rule => permits(rule, principal.name, 'read', ask))
    const permitted = files.filter(file => own.some(rule => permitsFile(rule, file)))
    if (permitted.length === 0) throw error('E_ASK_FORBIDDEN', [principal.name, 'read', 'this file'])
    return permitted
  }
}

const CONFIGURATION = /^(.+)\.(?:properties|xml|ya?ml)$/s

// In a folder it may belong to another application by search paths, so there its name is not enough.
function permitsFile (rule: CompiledRule, file: string): boolean {
  const stem = CONFIGURATION.exec(file.slice(file.lastIndexOf('/') + 1))?.[1]
  if (stem === undefined) return rule.files.test(file)
  return permitsStem(rule, stem) && (!file.includes('/') || rule.files.test(file))
}

// `a-b.yml` is the file of a-b, and of a for the profile b; application.yml is everybody's.
function permitsStem (rule: CompiledRule, stem: string): boolean {
  const permitsName = (name: string): boolean => name === 'application' || rule.applications.test(name)
  if (permitsName(stem)) return true
  return [...stem.matchAll(/-/g)].some(({ index }) =>
    permitsName(stem.slice(0, index)) && rule.profiles.test(stem.slice(index + 1)))
}

interface CompiledRule {
  readonly principals: RegExp
  readonly applications: RegExp
  readonly profiles: RegExp
  readonly labels: RegExp
  readonly actions: RegExp
  readonly files: RegExp
}

function compile (rule: AccessRule): CompiledRule {
  return {
    principals: anyOf(rule.principals),
    applications: anyOf(rule.applications),
    profiles: anyOf(rule.profiles),
    labels: anyOf(rule.labels),
    actions: anyOf(rule.actions),
    files: pathOf(rule.files)
  }
}

function anyOf (patterns: readonly string[]): RegExp {
  const parts = patterns.map(pattern => pattern.split('*').map(escape).join('.*'))
  return new RegExp(`^(?:${parts.join('|')})$`, 's')
}

// Here `*` ends at a slash: a pattern for one folder must not reach into another, which may be another label's.
function pathOf (patterns: readonly string[]): RegExp {
  const parts = patterns.map(pattern => pattern.split('*').map(escape).join('[^/]*'))
  return parts.length === 0 ? /(?!)/ : new RegExp(`^(?:${parts.join('|')})$`, 's')
}

function escape (text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}

// Every name, profile and label asked for must be permitted: a list must not smuggle one in.
function permits (rule: CompiledRule, name: string, action: Action, ask: Ask | undefined): boolean {
  if (!rule.principals.test(name) || !rule.actions.test(action)) return false
  if (ask === undefined) return true
  const labels = ask.labels.length === 0 ? [''] : ask.labels
  return ask.names.every(one => rule.applications.test(one)) && ask.profiles.every(one => rule.profiles.test(one)) &&
    labels.every(one => rule.labels.test(one))
}
