/** What happens after the store has changed: watchers are woken, Spring's applications refreshed. */
import type { DiscoveryClient, Logger } from '@breakwater/starter'
import { guardedAgent } from '@breakwater/starter/http'
import { Destinations, type DestinationRules } from '@breakwater/starter/security'
import type { Backend } from '../backends/backend.ts'
import type { EnvironmentRoad } from '../environment.ts'
import { Snapshots } from './snapshots.ts'
import { postRefresh, SpringRefresh, type SpringRefreshOptions } from './spring-refresh.ts'
import { Watchers } from './watchers.ts'

export interface PushParts {
  readonly road: EnvironmentRoad
  readonly backend: Backend
  readonly log: Logger
  /** Undefined: nobody is refreshed by a call. */
  readonly discovery: DiscoveryClient | undefined
  readonly refresh: SpringRefreshOptions
  /** Where the calls may go: whoever registers says where he is. */
  readonly destinations: DestinationRules
  readonly maxWatchers: number
  /** How often stores that cannot tell of changes are looked at, while somebody watches. */
  readonly pollMs: number
}

export interface Push {
  readonly snapshots: Snapshots
  readonly watchers: Watchers
  stop (): Promise<void>
}

export function startPush (parts: PushParts): Push {
  const { log, backend } = parts
  const snapshots = new Snapshots(parts.road, backend)
  const watchers = new Watchers({
    look: (ask, asker) => snapshots.look(ask, asker),
    concerns: async (ask, before, after) => await backend.concerns?.(ask, before, after) ?? true,
    onFailure: (ask, failure) => log.warn({ application: ask.name, err: failure }, 'a watched environment cannot be read'),
    maxWatchers: parts.maxWatchers
  })
  const spring = startSpringRefresh(parts, snapshots)
  const check = (): void => {
    void watchers.check()
    void spring?.check()
  }
  const unwatch = backend.watch(check)
  // A store without stamps says nothing of changes: it is asked, as long as somebody wants to know.
  const poll = setInterval(() => {
    if ([...watchers].some(({ ask, asker }) => backend.stamp(ask, asker) === undefined)) check()
  }, parts.pollMs).unref()
  return {
    snapshots,
    watchers,
    stop: async () => {
      unwatch()
      clearInterval(poll)
      await spring?.stop()
    }
  }
}

function startSpringRefresh (
  { destinations, discovery, refresh, log }: PushParts, snapshots: Snapshots
): SpringRefresh | undefined {
  if (discovery === undefined || !refresh.enabled) return undefined
  const agent = guardedAgent(new Destinations(destinations), { connections: 1, connect: {} })
  const spring = new SpringRefresh(refresh, {
    discovery,
    log,
    post: (...call) => postRefresh(agent, ...call),
    close: () => agent.destroy(),
    look: async ask => snapshots.look(ask, {}).take()
  })
  spring.start()
  return spring
}
