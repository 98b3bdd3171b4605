/** Who may use a server. */
export { createAuthenticator, type Authenticate, type Authenticator, type RoleHook } from './authenticator.ts'
export { may, type Principal, type Role } from './principal.ts'
export { followServerTls, readServerTls, readText, type ServerTls } from './tls.ts'
