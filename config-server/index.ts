export { NATIVE_DEFAULTS, type NativeOptions } from './backends/native.ts'
export { REPOSITORY_DEFAULTS, type GitOptions, type PatternRepository, type RepositoryOptions } from './backends/git/git-options.ts'
export { DEFAULTS, readOptions, type BackendOptions, type ConfigServerOptions } from './options.ts'
export { createConfigServer, type ConfigServer, type ConfigServerContext } from './server.ts'
