/** A gateway process for tests: `node serve.ts PORT UPSTREAM [log]`, accesses logged to stdout; SIGTERM drains it. */
import { DATA_PLANE_DEFAULTS } from '../data-plane-options.ts'
import { ROUTING_DEFAULTS } from '../options.ts'
import { createDataPlane } from '../workers/data-plane.ts'
import { route } from './raw.ts'

const accessLog = { enabled: process.argv[4] === 'log', file: undefined }
const dataPlane = createDataPlane({ ...DATA_PLANE_DEFAULTS, accessLog, port: Number(process.argv[2]) }, () => {})
await dataPlane.apply({
  routes: [route('all', process.argv[3] ?? '', '/**')], defaultFilters: [], options: ROUTING_DEFAULTS, instances: {}
} as object)
const { port } = await dataPlane.start()
process.on('SIGTERM', () => { void dataPlane.stop(20_000).then(() => process.exit(0)) })
process.send?.(port)
