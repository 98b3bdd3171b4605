/** The gateway as a process. */
import { runMain } from '@breakwater/starter/main'
import { startGateway } from './start.ts'

runMain(process, 'gateway', startGateway)
