/** What clients and operators do, and what goes wrong. */
import type { Status } from '@breakwater/discovery/testing'
import type { Random } from '@breakwater/messaging/testing'
import { kindIn, type KindIn } from '../step.ts'
import type { Cluster } from './cluster.ts'
import { CALM } from './network.ts'

const NODES = 5
const CLIENTS = 6
const STATUSES: readonly Status[] = ['OUT_OF_SERVICE', 'DOWN', 'UP']

const kind = kindIn<Cluster>()
const someone = (random: Random) => ({ client: random.below(CLIENTS) })
/** Operators like the same instance, or nothing would ever meet. */
const target = (random: Random) => ({ node: random.below(NODES), client: random.below(2) })

export const KINDS: Readonly<Record<string, KindIn<Cluster>>> = {
  'override': kind(5, random => ({ ...target(random), status: random.pick(STATUSES) }), (cluster, { node, client, status }) => {
    cluster.override(cluster.nodes[node]!, cluster.clients[client]!.id, status)
  }),
  'clear override': kind(3, target, (cluster, { node, client }) => {
    cluster.clearOverride(cluster.nodes[node]!, cluster.clients[client]!.id)
  }),
  'add metadata': kind(3, target, (cluster, { node, client }) => {
    cluster.addMetadata(cluster.nodes[node]!, cluster.clients[client]!.id)
  }),
  'change': kind(3, random => ({ client: random.below(3), status: random.pick(['UP', 'DOWN'] as const) }),
    (cluster, { client, status }) => { cluster.clients[client]!.change(status) }),
  'move': kind(2, random => ({ ...target(random) }), (cluster, { client, node }) => { cluster.clients[client]!.move(node) }),
  'cancel': kind(2, someone, (cluster, { client }) => { cluster.clients[client]!.stop() }),
  'die': kind(1, someone, (cluster, { client }) => { cluster.clients[client]!.die() }),
  'start': kind(2, someone, (cluster, { client }) => { cluster.clients[client]!.start() }),
  'cut': kind(3, random => ({ from: random.below(NODES), to: random.below(NODES), oneWay: random.chance(0.4), ms: 500 + random.below(12_000) }),
    (cluster, { from, to, oneWay, ms }) => {
      if (from !== to) cutFor(cluster, from, to, oneWay, ms)
    }),
  'isolate': kind(2, random => ({ node: random.below(NODES), ms: 500 + random.below(12_000) }), (cluster, { node, ms }) => {
    for (let other = 0; other < NODES; other++) if (other !== node) cutFor(cluster, node, other, false, ms)
  }),
  'rough': kind(2, random => ({ ms: 1000 + random.below(8000) }), (cluster, { ms }) => {
    cluster.network.harm = { latencyMs: 400, loss: 0.15, twice: 0.2 }
    cluster.after(ms, () => { cluster.network.harm = CALM })
  }),
  'stand still': kind(2, random => ({ node: random.below(NODES), ms: 500 + random.below(8000) }), (cluster, { node, ms }) => {
    cluster.standStill(cluster.nodes[node]!, ms)
  }),
  'kill': kind(2, random => ({ node: random.below(NODES), ms: 100 + random.below(8000), withSnapshot: random.chance(0.6) }),
    (cluster, { node, ms, withSnapshot }) => {
      cluster.kill(cluster.nodes[node]!)
      cluster.after(ms, () => { cluster.nodes[node]!.start(withSnapshot) })
    }),
  'reader comes again': kind(1, random => ({ node: random.below(NODES) }), (cluster, { node }) => { cluster.nodes[node]!.reconnect() })
}

function cutFor (cluster: Cluster, from: number, to: number, oneWay: boolean, ms: number): void {
  const [a, b] = [cluster.nodes[from]!.name, cluster.nodes[to]!.name]
  const cut = (isCut: boolean): void => {
    cluster.network.cut(a, b, isCut)
    if (!oneWay) cluster.network.cut(b, a, isCut)
  }
  cut(true)
  cluster.after(ms, () => { cut(false) })
}
