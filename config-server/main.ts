/** The config server as a process: `node config-server/main.ts [--port N] [--config FILE] [--profile P]`. */
import process from 'node:process'
import { setFlagsFromString } from 'node:v8'

// What the caches drop is old garbage, of which V8 would let more gather than is alive, in a nursery of 64 MB.
setFlagsFromString('--memory-saver-mode')

// Loaded after that: code that Node has kept compiled counts only under the flags that it was compiled under.
const { runMain } = await import('@breakwater/starter/main')
const { startMember } = await import('./membership.ts')

runMain(process, 'configserver', async ({ settings, log }) => startMember(settings, log, process.env))
