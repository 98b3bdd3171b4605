/**
 * A gateway process for tests: `node serve.ts PORT UPSTREAM [log|patient]`. `log`: accesses are logged to stdout;
 * `patient`: nothing runs out, however slow the machine is. SIGTERM drains it.
 */
import { DATA_PLANE_DEFAULTS } from '../data-plane-options.ts'
import { ROUTING_DEFAULTS } from '../options.ts'
import { createDataPlane } from '../workers/data-plane.ts'
import { heldClock, route } from './raw.ts'

const [, , listen, upstream = '', manner] = process.argv
const accessLog = { enabled: manner === 'log', file: undefined }
const options = { ...DATA_PLANE_DEFAULTS, accessLog, port: Number(listen) }
const dataPlane = createDataPlane(options, () => {}, manner === 'patient' ? { clock: heldClock() } : {})
await dataPlane.apply({
  routes: [route('all', upstream, '/**')], defaultFilters: [], options: ROUTING_DEFAULTS, instances: {}
} as object)
const { port } = await dataPlane.start()
process.on('SIGTERM', () => { void dataPlane.stop(20_000).then(() => process.exit(0)) })
process.send?.(port)
