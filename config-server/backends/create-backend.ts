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

const MAX_TOLD = 1_000

/** What stores get from the server that they are part of. */
export interface BackendContext {
  readonly options: ConfigServerOptions
  readonly log: Logger
  readonly environment: Readonly<Record<string, string | undefined>>
}

interface StoreContext extends BackendContext {
  readonly parsed: ParsedFiles
  readonly onIgnored: (file: string, why: string) => void
}

/** Makes the back end of a server; all stores share one bounded cache of parsed files. */
export async function createBackend (context: BackendContext): Promise<SafeBackend> {
  const { options, log } = context
  const parsed = new ParsedFiles(options.fileCacheBytes, options)
  const onIgnored = ignoredLog(log)
  const shared = { ...context, parsed, onIgnored }
  const members = await Promise.all(options.backends.map(async backend => create(backend, shared)))
  const [only] = members
  if (only === undefined) {
    throw error('E_CONFIG_SETTING', ['spring.cloud.config.server', 'no store is configured.',
      'Set native.search-locations or git.uri.'])
  }
  const { failOnCompositeError: failOnError } = options
  const onProblem = problemLog(log)
  const store = members.length === 1 ? only : createCompositeBackend(members, { failOnError, onProblem })
  return new SafeBackend(store, {
    onHeldBack: held => log.warn(held, 'a state is held back, the last good one is served'), onIgnored
  })
}

async function create (backend: BackendOptions, context: StoreContext): Promise<Backend> {
  const { options, log, parsed, environment, onIgnored } = context
  const onProblem = problemLog(log)
  const traits = { cloudPlatform: options.cloudPlatform }
  switch (backend.type) {
    case 'native': return createNativeBackend(backend.native, parsed, traits)
    case 'git': return createGitBackend(backend.git,
      { parsed, traits, environment, onProblem, onIgnored })
    // Drivers cost memory: only who uses one pays for it.
    case 'redis': return (await withPackage('A Redis store', () => import('./redis.ts'))).createRedisBackend(backend.redis, onProblem)
    case 'sql': return (await withPackage('A SQL store', () => import('./sql.ts'))).createSqlBackend(backend.sql, onProblem)
    case 'vault': return createVaultBackend(backend.vault, onProblem)
  }
}

function problemLog (log: Logger): (repository: string, problem: string) => void {
  return (repository, problem) => log.warn({ repository, problem }, 'the last known state is served')
}

/** One line for each file: it is met with every question. */
function ignoredLog (log: Logger): (file: string, why: string) => void {
  const told = new Set<string>()
  return (file, why) => {
    if (told.has(file) || told.size >= MAX_TOLD) return
    told.add(file)
    log.warn({ file, why }, 'a file counts for nothing, or not as a whole')
  }
}
