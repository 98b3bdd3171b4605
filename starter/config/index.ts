export { ConfigServerClient } from './config-server-client.ts'
