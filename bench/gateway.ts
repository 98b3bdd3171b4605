/**
 * `npm run bench:gateway`: what our gateway costs per request beside nginx, haproxy, @fastify/http-proxy and
 * http-proxy, in one interleaved run, with each aim beside its result.
 *
 * The proxy has core 0 for itself, the upstream (nginx) and wrk share core 1; all is pinned by taskset. CPU per request
 * is user and system time from /proc over the requests that wrk counted. Rounds in which the hypervisor took more than
 * 2 % are repeated. Needs Linux with wrk and nginx.
 *
 * Flags: --rounds N (7), --seconds N (5), --only one-core,both-cores,sizes,extras,stack
 */
import { parseArgs } from 'node:util'
import { bothCores, extras, oneCore, sizes, type Plan } from './gateway/blocks.ts'
import { isInstalled } from './gateway/processes.ts'
import { stack } from './gateway/stack.ts'

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '7' }, seconds: { type: 'string', default: '5' }, only: { type: 'string' } }
})
const plan: Plan = { rounds: Number(values.rounds), seconds: Number(values.seconds) }
const blocks = new Map<string, (plan: Plan) => Promise<void>>([
  ['one-core', oneCore], ['both-cores', bothCores], ['sizes', sizes], ['extras', extras], ['stack', stack]
])

for (const command of ['wrk', 'nginx']) {
  if (isInstalled(command)) continue
  console.error(`${command} is not installed: on Debian, apt-get install wrk nginx haproxy`)
  process.exit(1)
}
const wanted = values.only?.split(',') ?? [...blocks.keys()]
for (const name of wanted) {
  const block = blocks.get(name)
  if (block === undefined) {
    console.error(`--only=${name} is none of ${[...blocks.keys()].join(', ')}`)
    process.exit(1)
  }
  await block(plan)
}
