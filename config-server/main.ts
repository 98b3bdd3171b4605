/** The config server as a process: `node config-server/main.ts [--port N] [--config FILE] [--profile P]`. */
import process from 'node:process'
import { runMain } from '@breakwater/starter/main'
import { startMember } from './membership.ts'

runMain(process, 'configserver', async ({ settings, log }) => startMember(settings, log, process.env))
