/**
 * SNS/SQS with everything going wrong that AWS documents, by a seed: entries that fail, calls that are throttled, fail
 * or lose their answer on both ways, handlers that fail and wait, consumers that come and go. Nothing may be lost, and
 * each group must be handled in order.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { t } from 'tap'
import { Transient, type Bus, type Delivery, type Outgoing } from '../index.ts'
import { awsRig, DEAD, QUEUE, TOPIC } from './aws-rig.ts'
import { message } from './bus-rig.ts'
import { until } from './until.ts'
import { AwsFault } from './strict-aws/fault.ts'
import type { Hooks } from './strict-aws/hooks.ts'

const GROUPS = 12
const PER_GROUP = 25

/** mulberry32: small, and the same numbers for the same seed. */
function randomOf (seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** One more thing that will go wrong. */
function disturb (hooks: Hooks, random: () => number): void {
  const pick = <Item>(items: readonly Item[]) => items[Math.floor(random() * items.length)]!
  const sending = ['PublishBatch', 'SendMessageBatch']
  const all = [...sending, 'ReceiveMessage', 'DeleteMessageBatch', 'ChangeMessageVisibilityBatch']
  const what = pick([
    () => { hooks.failEntries(pick([...sending, 'DeleteMessageBatch']), () => random() < 0.3, 2) },
    () => { hooks.throttle(pick(all)) },
    () => { hooks.fail(pick(all), new AwsFault('InternalFailure', 'by chance', 500)) },
    () => { hooks.cut(pick(all)) }
  ])
  what()
}

/** What the relay does: again what was not taken, in order. */
async function relay (send: (messages: readonly Outgoing[]) => ReturnType<Bus['send']>, all: readonly Outgoing[],
  between: () => void): Promise<void> {
  for (let left = [...all]; left.length > 0;) {
    between()
    const batch = left.slice(0, 60)
    const refused = await send(batch).catch(() => new Map(batch.map(one => [one.dedupe, new Error('all of it')])))
    left = left.filter(one => !batch.includes(one) || refused.has(one.dedupe))
  }
}

const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31))

t.test(`nothing is lost, and groups keep their order (SEED=${seed})`, async t => {
  const random = randomOf(seed)
  const { account, connect, hooks } = await awsRig(t)
  const producer = connect()
  await producer.provision(QUEUE, [{ topic: TOPIC, types: ['test.Thing.v1'] }], TOPIC)
  const inbox = new Set<string>()
  const last = new Map<string, number>()
  const disorder: string[] = []
  const handler = async ({ envelope }: Delivery): Promise<void> => {
    await sleep(random() * 10)
    if (random() < 0.08) throw new Error('an ordinary one')
    if (random() < 0.08) throw new Transient('down')
    if (inbox.has(envelope.id)) return
    inbox.add(envelope.id)
    const n = Number(envelope.data.n)
    if (n !== (last.get(envelope.subject) ?? 0) + 1) disorder.push(`${envelope.subject}${n} behind ${last.get(envelope.subject) ?? 0}`)
    last.set(envelope.subject, n)
  }
  const consume = () => connect().consume(QUEUE, handler, { lanes: 4 })
  const messages = Array.from({ length: PER_GROUP }, (_, n) =>
    Array.from({ length: GROUPS }, (_, group) => message(`g ${group}`, n + 1))).flat()
  const ofTopic = (one: Outgoing) => Number(one.group.slice(2)) % 2 === 0
  let stops = [consume(), consume()]
  let over = false
  const coming = (async () => {
    while (!over) {
      await sleep(random() * 400)
      disturb(hooks, random)
      if (random() < 0.8) continue
      const [stop, ...others] = stops
      await stop!()
      stops = [...others, consume()]
    }
  })()
  const between = () => { if (random() < 0.5) disturb(hooks, random) }
  await Promise.all([
    relay(batch => producer.publish(TOPIC, batch), messages.filter(ofTopic), between),
    relay(batch => producer.send(QUEUE, batch), messages.filter(one => !ofTopic(one)), between)
  ])
  await until(() => inbox.size === messages.length, 'all were handled', 60_000)
  over = true
  await coming
  t.same(disorder, [])
  t.same(account.queue(DEAD).messages, [])
  t.equal(inbox.size, messages.length)
  await until(() => account.queue(QUEUE).messages.length === 0, 'and all are gone from the queue', 60_000)
})
