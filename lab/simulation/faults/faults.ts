/** All that can go wrong, by name. */
import type { Kinds } from '../kind.ts'
import { DEPLOY_FAULTS } from './deploys.ts'
import { MESSAGE_FAULTS } from './messages.ts'
import { PROCESS_FAULTS } from './processes.ts'
import { STORE_FAULTS } from './stores.ts'

export const FAULTS: Kinds = { ...PROCESS_FAULTS, ...STORE_FAULTS, ...MESSAGE_FAULTS, ...DEPLOY_FAULTS }
