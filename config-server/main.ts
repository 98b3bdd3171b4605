/** The config server as a process: `node config-server/main.ts [--port N] [--config FILE] [--profile P]`. */
import process from 'node:process'
import { runMain } from '@breakwater/starter'
import { readOptions } from './options.ts'
import { createConfigServer } from './server.ts'

runMain(process, 'config-server', async ({ settings, log }) =>
  createConfigServer(readOptions(settings), { settings, log, environment: process.env }))
