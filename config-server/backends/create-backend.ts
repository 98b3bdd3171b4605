/** The configured stores as one back end. */
import type { BackendOptions, ConfigServerOptions } from '../options.ts'
import { error } from '../errors.ts'
import type { Backend } from './backend.ts'
import { createNativeBackend } from './native.ts'
import { ParsedFiles } from './parsed-files.ts'

/** Makes the back end of a server; all stores share one bounded cache of parsed files. */
export function createBackend (options: ConfigServerOptions): Backend {
  const parsed = new ParsedFiles(options.fileCacheBytes, options)
  const [only] = options.backends.map(backend => create(backend, options, parsed))
  if (only === undefined) {
    throw error('E_CONFIG_SETTING', ['spring.cloud.config.server', 'no store is configured.',
      'Set native.search-locations or git.uri.'])
  }
  return only
}

function create (backend: BackendOptions, options: ConfigServerOptions, parsed: ParsedFiles): Backend {
  return createNativeBackend(backend.native, parsed, { cloudPlatform: options.cloudPlatform })
}
