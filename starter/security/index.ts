/** Who may use a server, and where a server may connect. */
export { isLoopback } from './addresses.ts'
export { adminToken, defaultTokenFile, TOKEN_FILE_KEY } from './admin-token.ts'
export { createAuthenticator, type Authenticate, type Authenticator, type RoleHook } from './authenticator.ts'
export {
  DESTINATION_DEFAULTS, Destinations, readDestinations, type DestinationRules, type Listening
} from './destinations.ts'
export { guardDoor, type DoorRules } from './door.ts'
export { openKeyStore } from './key-store.ts'
export { may, type Principal, type Role } from './principal.ts'
export { entryOf, followServerTls, keyStoreAt, openStore, pathAt, readServerTls, readText, type KeyStoreFile, type ServerTls } from './tls.ts'
