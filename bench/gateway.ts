/**
 * `npm run bench:gateway`: what our gateway costs per request beside nginx, haproxy, @fastify/http-proxy and
 * http-proxy, in one interleaved run, with each aim beside its result.
 *
 * The proxy has core 0 for itself, the upstream (nginx) and wrk share core 1; all is pinned by taskset. CPU per request
 * is user and system time from /proc over the requests that wrk counted. Rounds in which the hypervisor took more than
 * 2 % are repeated. Needs Linux with wrk and nginx, and installs them where it can.
 *
 * Flags: --rounds N (7), --seconds N (5), --only one-core,both-cores,sizes,slow-readers,extras,stack
 */
import { readFlags } from '../scripts/flags.ts'
import { bothCores, extras, oneCore, type Plan } from './gateway/blocks.ts'
import { installPeers } from './gateway/install.ts'
import { sizes, slowReaders } from './gateway/sizes.ts'
import { stack } from './gateway/stack.ts'

const values = readFlags(import.meta.filename, { rounds: { type: 'string', default: '7' }, seconds: { type: 'string', default: '5' }, only: { type: 'string' } })
const plan: Plan = { rounds: Number(values.rounds), seconds: Number(values.seconds) }
const blocks = new Map<string, (plan: Plan) => Promise<void>>([
  ['one-core', oneCore], ['both-cores', bothCores], ['sizes', sizes], ['slow-readers', slowReaders], ['extras', extras], ['stack', stack]
])

installPeers()
const wanted = values.only?.split(',') ?? [...blocks.keys()]
for (const name of wanted) {
  const block = blocks.get(name)
  if (block === undefined) {
    console.error(`--only=${name} is none of ${[...blocks.keys()].join(', ')}`)
    process.exit(1)
  }
  await block(plan)
}
