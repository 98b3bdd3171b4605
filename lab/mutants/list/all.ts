/** All mutants there are. */
import type { Mutant } from '../mutant.ts'
import { AUDIT } from './audit.ts'
import { AWS_BUS } from './aws-bus.ts'
import { CLOUDS } from './clouds.ts'
import { CONFIG_SAFETY } from './config-safety.ts'
import { CONFIG_WEB } from './config-web.ts'
import { DELIVERY } from './delivery.ts'
import { DISCOVERY_BOOK } from './discovery-book.ts'
import { DISCOVERY_CLUSTER } from './discovery-cluster.ts'
import { GATEWAY_FILTERS } from './gateway-filters.ts'
import { GATEWAY_LEFTOVERS } from './gateway-leftovers.ts'
import { GATEWAY_LOOPS } from './gateway-loops.ts'
import { GATEWAY_WIRE } from './gateway-wire.ts'
import { KEEPING } from './keeping.ts'
import { POSTGRES_COMMANDS } from './postgres-commands.ts'
import { RELATIONAL_STORES } from './relational-stores.ts'
import { SAGAS_AND_PROJECTIONS } from './sagas-and-projections.ts'
import { SAMPLES } from './samples.ts'
import { SETTINGS_MUTANTS } from './settings.ts'
import { SIMULATION } from './simulation.ts'
import { VERSIONS_AND_TIME } from './versions-and-time.ts'

export const ALL: readonly Mutant[] = [
  ...AUDIT, ...AWS_BUS, ...CLOUDS, ...CONFIG_SAFETY, ...CONFIG_WEB, ...DELIVERY, ...DISCOVERY_BOOK,
  ...DISCOVERY_CLUSTER, ...GATEWAY_FILTERS, ...GATEWAY_LEFTOVERS, ...GATEWAY_LOOPS, ...GATEWAY_WIRE, ...KEEPING,
  ...POSTGRES_COMMANDS, ...RELATIONAL_STORES, ...SAGAS_AND_PROJECTIONS, ...SAMPLES, ...SETTINGS_MUTANTS,
  ...SIMULATION, ...VERSIONS_AND_TIME
]
