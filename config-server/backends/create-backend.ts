/** The configured stores as one back end. */
import { withPackage } from '@breakwater/starter/optional-package'
import type { Logger } from '@breakwater/starter'
import type { BackendOptions, ConfigServerOptions } from '../options.ts'
import { error } from '../errors.ts'
import { SafeBackend } from '../safety/safe-backend.ts'
import type { Backend } from './backend.ts'
import { createCompositeBackend } from './composite.ts'
import { createGitBackend } from './git/git-backend.ts'
import { createNativeBackend } from './native.ts'
import { createVaultBackend } from './vault.ts'
import { ParsedFiles } from './parsed-files.ts'

/** What stores get from the server that they are part of. */
export interface BackendContext {
  readonly options: ConfigServerOptions
  readonly log: Logger
  readonly environment: Readonly<Record<string, string | undefined>>
}

/** Makes the back end of a server; all stores share one bounded cache of parsed files. */
export async function createBackend (context: BackendContext): Promise<Backend> {
  const { options } = context
  const parsed = new ParsedFiles(options.fileCacheBytes, options)
  const members = await Promise.all(options.backends.map(async backend => create(backend, context, parsed)))
  const [only] = members
  if (only === undefined) {
    throw error('E_CONFIG_SETTING', ['spring.cloud.config.server', 'no store is configured.',
      'Set native.search-locations or git.uri.'])
  }
  if (members.length === 1) return safe(only, context.log)
  const onProblem = problemLog(context.log)
  return safe(createCompositeBackend(members, { failOnError: options.failOnCompositeError, onProblem }), context.log)
}

async function create (backend: BackendOptions, context: BackendContext, parsed: ParsedFiles): Promise<Backend> {
  const onProblem = problemLog(context.log)
  const traits = { cloudPlatform: context.options.cloudPlatform }
  switch (backend.type) {
    case 'native': return createNativeBackend(backend.native, parsed, traits)
    case 'git': return createGitBackend(backend.git,
      { parsed, traits, environment: context.environment, onProblem })
    // Drivers cost memory: only who uses one pays for it.
    case 'redis': return (await withPackage('A Redis store', () => import('./redis.ts'))).createRedisBackend(backend.redis, onProblem)
    case 'sql': return (await withPackage('A SQL store', () => import('./sql.ts'))).createSqlBackend(backend.sql, onProblem)
    case 'vault': return createVaultBackend(backend.vault, onProblem)
  }
}

function safe (backend: Backend, log: Logger): Backend {
  return new SafeBackend(backend, { onHeldBack: held => log.warn(held, 'a state is held back, the last good one is served') })
}

function problemLog (log: Logger): (repository: string, problem: string) => void {
  return (repository, problem) => log.warn({ repository, problem }, 'the last known state is served')
}
