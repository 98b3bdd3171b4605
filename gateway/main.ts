/** The gateway as a process. */
import { runMain } from '../starter/main.ts'
import { startGateway } from './start.ts'

runMain(process, 'gateway', startGateway)
