/** All predicates by Spring's name. */
import type { PredicateFactory } from './factory.ts'
import { cloudFoundryRouteService } from './predicates/cloud-foundry.ts'
import { clientCertificate } from './predicates/client-certificate.ts'
import { cookie } from './predicates/cookie.ts'
import { header } from './predicates/header.ts'
import { host } from './predicates/host.ts'
import { method } from './predicates/method.ts'
import { path } from './predicates/path.ts'
import { query } from './predicates/query.ts'
import { remoteAddr, xForwardedRemoteAddr } from './predicates/remote-addr.ts'
import { after, before, between } from './predicates/time.ts'
import { version } from './predicates/version.ts'
import { weight } from './predicates/weight.ts'

export const PREDICATES: ReadonlyMap<string, PredicateFactory> = new Map([
  after, before, between, clientCertificate, cloudFoundryRouteService, cookie, header, host, method, path, query,
  remoteAddr, version, weight, xForwardedRemoteAddr
].map(factory => [factory.name, factory]))
