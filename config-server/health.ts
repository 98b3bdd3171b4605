/**
 * `configServer` in /actuator/health, as Spring tells it: some environments are looked up, and what was found is named.
 * A probe finds nothing twice in the same state of the store: Spring reads the repository for each of them.
 */
import type { HealthIndicator, HealthStatus } from '@breakwater/starter/actuator'
import { BreakwaterError } from '@breakwater/starter/errors'
import type { Backend } from './backends/backend.ts'
import type { Ask } from './environment/ask.ts'
import { error } from './errors.ts'

export interface HealthOptions {
  /** `spring.cloud.config.server.health.enabled`. @default true */
  readonly enabled: boolean
  /** `.health.repositories.<id>.{name,profiles,label}`: what is looked up. @default app, default */
  readonly repositories: readonly Ask[]
  /** `.health.down-health-status`. @default 'DOWN' */
  readonly downStatus: HealthStatus
  /** `.health.accept-empty`: whether finding no source is well. @default as `accept-empty` */
  readonly acceptEmpty: boolean
}

/** How long a look at a store that cannot tell of its changes stands for the next ones. */
const KEEP_MS = 5_000

interface Look {
  readonly stamp: string | undefined
  readonly atMs: number
  readonly sources: Promise<readonly string[]>
}

export function createHealth (backend: Backend, options: HealthOptions, now: () => number): HealthIndicator {
  const looks = new Map<Ask, Look>()
  const sourcesOf = async (ask: Ask): Promise<readonly string[]> => {
    const stamp = backend.stamp(ask, {})
    const known = looks.get(ask)
    if (known !== undefined && isFresh(known, stamp, now())) return known.sources
    const look = { stamp, atMs: now(), sources: lookUp(backend, ask, options.acceptEmpty) }
    looks.set(ask, look)
    return look.sources
  }
  return async () => {
    const { up, problem } = backend.health()
    const repositories: object[] = []
    for (const ask of options.repositories) {
      try {
        repositories.push({ name: ask.name, profiles: [ask.profile], label: ask.label, sources: await sourcesOf(ask) })
      } catch (failure) {
        return down(backend, options, ask, failure)
      }
    }
    const details = { store: backend.description, repositories, ...(problem === undefined ? {} : { error: problem }) }
    return { status: up ? 'UP' : options.downStatus, details }
  }
}

function isFresh (look: Look, stamp: string | undefined, nowMs: number): boolean {
  return look.stamp === stamp && (stamp !== undefined || nowMs - look.atMs < KEEP_MS)
}

async function lookUp (backend: Backend, ask: Ask, acceptEmpty: boolean): Promise<readonly string[]> {
  try {
    const { sources } = await backend.find(ask, {})
    if (sources.length === 0 && !acceptEmpty) throw error('E_CONFIG_EMPTY', [`${ask.name}/${ask.profile}`])
    return sources.map(({ name }) => name)
  } catch (failure) {
    // A probe has no token of Vault to show; that tells nothing of the store.
    if (failure instanceof BreakwaterError && failure.code === 'E_VAULT_TOKEN') return []
    throw failure
  }
}

function down (backend: Backend, options: HealthOptions, { name, profile }: Ask, failure: unknown) {
  return {
    status: options.downStatus,
    details: {
      store: backend.description,
      repository: { application: name, profiles: profile },
      error: failure instanceof Error ? failure.message : String(failure)
    }
  }
}
