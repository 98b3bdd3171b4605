/** The embedded bus as a process: `node messaging/main.ts --port 7070`. */
import { runMain } from '@breakwater/starter/main'
import { startBus } from './bus/embedded/start.ts'

runMain(process, 'bus', startBus, { defaults: { 'server.port': '7070' } })
