export { DEFAULTS, NATIVE_DEFAULTS, readOptions, type BackendOptions, type ConfigServerOptions } from './options.ts'
export { createConfigServer, type ConfigServer, type ConfigServerContext } from './server.ts'
