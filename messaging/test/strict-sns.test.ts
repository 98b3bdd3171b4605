/**
 * What the strict SNS keeps, rule by rule: it is only worth as much as what it refuses. Asked through the SDK, as the
 * bus asks it.
 */
import { ListSubscriptionsByTopicCommand, SetSubscriptionAttributesCommand } from '@aws-sdk/client-sns'
import { t, type Test } from 'tap'
import { AwsFault } from './strict-aws/fault.ts'
import { allow, bodies, entry, HIGH, news, rig } from './strict-aws/rig.ts'

t.test('topics', async t => {
  const withQueue = async (t: Test) => {
    const all = await rig(t)
    const arn = await all.topic('t.fifo')
    const q = await all.create('q.fifo', { ...HIGH, Policy: allow(arn) })
    const subscribe = (filter: string, raw?: string) => all.subscribe(arn, all.account.queue('q.fifo').arn, filter, raw)
    return { ...all, arn, q, subscribe }
  }

  await t.test('a message and the sum of a batch: 262,144 bytes, attributes counted, or what the topic says', async t => {
    const { arn, topic, publish } = await withQueue(t)
    const full = 262_144 - 'type'.length - 'String'.length - 'a'.length
    t.equal((await publish(arn, news('a', 'g', 'a', 'x'.repeat(full)))).Successful?.length, 1)
    await t.rejects(publish(arn, news('b', 'g', 'a', 'x'.repeat(full + 1))), { name: /BatchRequestTooLong/ })
    await t.rejects(publish(arn, news('c', 'g', 'a', 'x'.repeat(full - 10)), news('d', 'h')), { name: /BatchRequestTooLong/ })
    const large = await topic('large.fifo', { MaximumMessageSize: '1048576' })
    t.equal((await publish(large, news('b', 'g', 'a', 'x'.repeat(full + 1)))).Successful?.length, 1)
  })

  await t.test('entries fail each by itself, for no group id too, and dedupe ids are remembered', async t => {
    const { arn, publish, subscribe, receive, q, account, clock } = await withQueue(t)
    await subscribe('{"type":["a",{"prefix":"b"}]}')
    account.hooks.failEntries('PublishBatch', ({ body }) => body === 'm2')
    const answer = await publish(arn, news('m1', 'g'), news('m2', 'g'), news('m3', 'g'), news('m4', 'a b'),
      news('m5', 'h', 'bx'), news('m6', 'h', 'c'))
    t.same(answer.Successful?.map(one => one.Id), ['m1', 'm3', 'm5', 'm6'])
    t.match(answer.Failed, [{ Id: 'm2', Code: 'InternalError' }, { Id: 'm4', Code: 'InvalidParameterValue' }])
    t.match(await publish(arn, news('m1', 'g')), { Successful: [{ Id: 'm1' }] })
    const messages = await receive(q)
    t.same(bodies(messages), ['m1', 'm3', 'm5'])
    t.equal(messages[0]!.MessageAttributes?.type?.StringValue, 'a')
    await clock.advance(300_000)
    await publish(arn, news('m1', 'g'))
    t.same(bodies(await receive(q)), ['m1', 'm3', 'm1', 'm5'])
  })

  await t.test('a filter and a policy take their time to change', async t => {
    const { arn, publish, subscribe, receive, q, account, clock, sns, set } = await withQueue(t)
    Object.assign(account.delays, { filterMs: 900_000, policyMs: 1000 })
    await clock.advance(1000)
    const SubscriptionArn = await subscribe('{"type":["a"]}')
    await sns.send(new SetSubscriptionAttributesCommand({ SubscriptionArn, AttributeName: 'FilterPolicy',
      AttributeValue: '{"type":["a","b"]}' }))
    await publish(arn, news('b1', 'g', 'b'), news('a1', 'g', 'a'))
    t.same(bodies(await receive(q, { VisibilityTimeout: 0 })), ['a1'])
    await clock.advance(900_000)
    await publish(arn, news('b2', 'h', 'b'))
    t.same(bodies(await receive(q)).toSorted((a, b) => a!.localeCompare(b!)), ['a1', 'b2'])
    await set(q, { Policy: '' })
    await publish(arn, news('a2', 'i', 'a'))
    await clock.advance(1000)
    await publish(arn, news('a3', 'j', 'a'))
    t.same(bodies(await receive(q)), ['a2'])
    t.match(account.topic('t.fifo').undelivered, [{ dedupe: 'a3', why: /policy/ }])
  })

  await t.test('a subscription is one of a topic and a queue, and unwrapped only when it is raw', async t => {
    const { arn, publish, subscribe, receive, q, sns } = await withQueue(t)
    const SubscriptionArn = await subscribe('', 'false')
    t.equal(await subscribe('', 'false'), SubscriptionArn)
    await t.rejects(subscribe(''), { message: /different attributes/ })
    const many = JSON.stringify({ type: Array.from({ length: 151 }, (_, n) => `t${n}`) })
    await t.rejects(subscribe(many), { message: /too complex/ })
    const listed = await sns.send(new ListSubscriptionsByTopicCommand({ TopicArn: arn }))
    t.match(listed, { Subscriptions: [{ SubscriptionArn }] })
    await publish(arn, news('m', 'g'))
    t.match(JSON.parse((await receive(q))[0]!.Body!), { Type: 'Notification', Message: 'm' })
  })
})

t.test('300 calls of an action a second, without high throughput', async t => {
  const { clock, create, receive } = await rig(t, { callsPerSecond: 3 })
  const [slow, fast] = [await create('slow.fifo', { FifoQueue: 'true' }), await create('fast.fifo')]
  for (let n = 0; n < 3; n++) await receive(slow)
  await t.rejects(receive(slow), { name: 'ThrottlingException' })
  for (let n = 0; n < 4; n++) await receive(fast)
  await clock.advance(1000)
  await t.resolves(receive(slow))
})

t.test('rights, keys, and calls that fail as a whole', async t => {
  const { account, create, send, publish, topic, receive } = await rig(t)
  const [q, other, arn] = [await create('q.fifo'), await create('other.fifo'), await topic('t.fifo')]
  const restore = [account.hooks.deny('sqs:SendMessage', /:q\.fifo$/), account.hooks.deny('sns:Publish')]
  await t.rejects(send(q, entry('a', 'g')), { name: 'AccessDenied', $metadata: { httpStatusCode: 403 } })
  await t.rejects(publish(arn, news('a', 'g')), { name: /^AuthorizationError/, $metadata: { httpStatusCode: 403 } })
  await t.resolves(send(other, entry('a', 'g')))
  for (const undo of restore) undo()
  await t.resolves(publish(arn, news('a', 'g')))
  const undo = account.hooks.refuseKeys('ExpiredToken')
  await t.rejects(receive(q), { name: 'ExpiredToken', $metadata: { httpStatusCode: 403 } })
  await t.rejects(publish(arn, news('a', 'g')), { name: 'ExpiredToken' })
  undo()
  account.hooks.fail('SendMessageBatch', new AwsFault('ServiceUnavailable', 'later', 503))
  await t.rejects(send(q, entry('a', 'g')), { message: 'later', $metadata: { httpStatusCode: 503 } })
  account.hooks.cut('SendMessageBatch')
  await t.rejects(send(q, entry('a', 'g')))
  t.same(bodies(await receive(q)), ['a'], 'an answer that is lost was given behind the effect')
})
