import { t, type Test } from 'tap'
import { awsBus, readAwsUrl } from '../aws.ts'
import { awsRig, callsOf, DEAD, QUEUE, TOPIC } from './aws-rig.ts'
import { message } from './bus-rig.ts'
import { ManualClock } from './manual-clock.ts'
import { arnOf } from './strict-aws/account.ts'
import { AwsFault } from './strict-aws/fault.ts'

const OTHER = 'test-users-events.fifo'
const [A, B, C] = ['a.A.v1', 'a.B.v1', 'a.C.v1']
const wants = (...types: string[]) => [{ topic: OTHER, types }]

async function rig (t: Test) {
  const all = await awsRig(t)
  const owner = all.connect()
  const guest = all.connect({ provision: false })
  const attributes = (queue: string) => all.account.queue(queue).attributes
  const filter = () => all.account.topic(OTHER).subscriptions[0]?.filters.at(-1)?.text
  return { ...all, owner, guest, attributes, filter }
}

t.test('what is provisioned is what the promises need', async t => {
  const { owner, attributes, filter, account } = await rig(t)
  await owner.provision(QUEUE, wants(A), TOPIC)
  t.match(attributes(QUEUE), { MessageRetentionPeriod: '1209600', FifoThroughputLimit: 'perMessageGroupId' })
  t.match(attributes(DEAD), { MessageRetentionPeriod: '1209600' })
  t.match(JSON.parse(attributes(QUEUE).RedrivePolicy!), { deadLetterTargetArn: arnOf('sqs', DEAD), maxReceiveCount: 1000 })
  t.same(JSON.parse(filter()!), { type: [A] })
  t.equal(account.topic(OTHER).subscriptions[0]!.raw, true)
})

t.test('without the right to create, all that is missing is named at once', async t => {
  const { guest, owner, account } = await rig(t)
  const missing = async () => {
    const error = await guest.provision(QUEUE, wants(A, B), TOPIC).then(() => undefined, (error: unknown) => error)
    t.match(error, { code: 'E_BUS_PROVISION', canRetry: false })
    return (error as Error).message
  }
  t.match(await missing(), new RegExp(`queue ${DEAD}, no queue ${QUEUE}`))
  await owner.provision(QUEUE, wants(A), TOPIC)
  account.topics.delete(arnOf('sns', TOPIC))
  const queue = account.queue(QUEUE)
  queue.attributes = { ...queue.attributes, MessageRetentionPeriod: '345600', MaximumMessageSize: '1024', Policy: '',
    RedrivePolicy: JSON.stringify({ deadLetterTargetArn: arnOf('sqs', DEAD), maxReceiveCount: 6 }) }
  account.topic(OTHER).subscriptions[0]!.raw = false
  const text = await missing()
  for (const part of [`MessageRetentionPeriod of 1209600 at queue ${QUEUE}`, `MaximumMessageSize of 262144 at queue ${QUEUE}`,
    `RedrivePolicy of 1000 receives from queue ${QUEUE} to ${DEAD}`, `topic ${TOPIC}`,
    `policy that lets ${OTHER} send to ${QUEUE}`, `RawMessageDelivery for ${QUEUE} to ${OTHER}`,
    `${B} in the filter of ${QUEUE} to ${OTHER}`]) t.match(text, part)
  account.topic(OTHER).subscriptions.length = 0
  t.match(await missing(), `subscription of ${QUEUE} to ${OTHER}`)
  account.topics.delete(arnOf('sns', OTHER))
  t.match(await missing(), `topic ${OTHER}`)
  await owner.provision(QUEUE, wants(A, B), TOPIC)
  await t.resolves(guest.provision(QUEUE, wants(A), TOPIC))
})

t.test('what an older version has provisioned is brought up to date', async t => {
  const { owner, account, attributes } = await rig(t)
  await owner.provision(QUEUE, wants(A), TOPIC)
  const queue = account.queue(QUEUE)
  const old = [1, 2, 3].map(n => ({ Effect: 'Allow', Principal: { Service: 'sns.amazonaws.com' }, Action: 'sqs:SendMessage',
    Resource: queue.arn, Condition: { ArnEquals: { 'aws:SourceArn': `${arnOf('sns', 't.fifo')}${n % 2}` } } }))
  const foreign = { Sid: 'Audit', Effect: 'Deny', Principal: '*', Action: 'sqs:*', Resource: queue.arn,
    Condition: { Bool: { 'aws:SecureTransport': 'false' } } }
  queue.attributes = { ...queue.attributes, MessageRetentionPeriod: '345600',
    Policy: JSON.stringify({ Version: '2012-10-17', Statement: [...old, foreign] }),
    RedrivePolicy: JSON.stringify({ deadLetterTargetArn: arnOf('sqs', DEAD), maxReceiveCount: 6 }) }
  await owner.provision(QUEUE, wants(A), TOPIC)
  t.equal(attributes(QUEUE).MessageRetentionPeriod, '1209600')
  t.match(attributes(QUEUE).RedrivePolicy, '1000')
  const { Statement: statements } = JSON.parse(attributes(QUEUE).Policy!) as { Statement: object[] }
  t.equal(statements.length, 2)
  t.match(statements, [foreign, { Condition: { ArnEquals: { 'aws:SourceArn':
    [`${arnOf('sns', 't.fifo')}1`, `${arnOf('sns', 't.fifo')}0`, arnOf('sns', OTHER)] } } }])
})

t.test('the policy grows by a name for each topic, whatever fails and however often', async t => {
  const { owner, account, hooks } = await rig(t)
  const topics = Array.from({ length: 40 }, (_, n) => `test-s${n}-events.fifo`)
  hooks.fail('Subscribe', new AwsFault('InternalError', 'later', 500), 3)
  for (let n = 0; n < 3; n++) await t.rejects(owner.provision(QUEUE, wants(A), TOPIC), { code: 'E_BUS_DOWN' })
  await owner.provision(QUEUE, topics.map(topic => ({ topic, types: [A] })), TOPIC)
  const { Statement: statements } = JSON.parse(account.queue(QUEUE).attributes.Policy!) as { Statement: object[] }
  t.equal(statements.length, 1)
  for (const topic of topics) await owner.publish(topic, [message('g', 1, A)])
  t.equal(account.queue(QUEUE).messages.length, 40)
})

t.test('an older instance never narrows a subscription, an operator does', async t => {
  const { owner, filter, account } = await rig(t)
  await owner.provision(QUEUE, wants(A, B), TOPIC)
  await owner.provision(QUEUE, wants(A), TOPIC)
  await owner.publish(OTHER, [message('g', 1, B)])
  t.equal(account.queue(QUEUE).messages.length, 1)
  await owner.provision(QUEUE, wants(C), TOPIC)
  t.same(JSON.parse(filter()!), { type: [A, B, C] })
  await owner.unsubscribe(QUEUE, { topic: OTHER, types: [B, C] })
  t.same(JSON.parse(filter()!), { type: [A] })
  await owner.unsubscribe(QUEUE, { topic: OTHER, types: [A] })
  t.equal(account.topic(OTHER).subscriptions.length, 0)
  await t.resolves(owner.unsubscribe(QUEUE, { topic: OTHER, types: [A] }))
})

t.test('what an operator has put into a filter stays', async t => {
  const { owner, filter, account } = await rig(t)
  await owner.provision(QUEUE, wants(A), TOPIC)
  const put = (policy: object | undefined) => {
    account.topic(OTHER).subscriptions[0]!.filters = [{ at: 0, text: policy === undefined ? '' : JSON.stringify(policy) }]
  }
  put({ type: [{ prefix: 'a.' }], tenant: ['x'] })
  await owner.provision(QUEUE, wants(A, 'b.B.v1'), TOPIC)
  t.same(JSON.parse(filter()!), { type: [{ prefix: 'a.' }, 'b.B.v1'], tenant: ['x'] })
  put(undefined)
  await owner.provision(QUEUE, wants(A), TOPIC)
  t.equal(filter(), '', 'no filter lets all through: a list would narrow it')
  await t.rejects(owner.unsubscribe(QUEUE, { topic: OTHER, types: [A] }), { code: 'E_BUS_FILTER' })
  for (const policy of [{ color: ['red'] }, { type: ['b.B.v1', { prefix: 'a.' }] }]) {
    put(policy)
    await t.rejects(owner.unsubscribe(QUEUE, { topic: OTHER, types: [A] }), { code: 'E_BUS_FILTER' }, JSON.stringify(policy))
    t.same(JSON.parse(filter()!), policy, 'and it is left as it is')
  }
})

t.test('of two that widen a filter at the same time, none is lost', async t => {
  const { owner, connect, filter, hooks } = await rig(t)
  await owner.provision(QUEUE, wants(A), TOPIC)
  const [first, second] = [hooks.hold('SetSubscriptionAttributes'), hooks.hold('SetSubscriptionAttributes')]
  const both = [owner.provision(QUEUE, wants(B), TOPIC), connect().provision(QUEUE, wants(C), TOPIC)]
  await Promise.all([first.reached, second.reached])
  first.release()
  second.release()
  await Promise.all(both)
  // The one whose type was written over has seen it, or wrote last.
  t.same(new Set((JSON.parse(filter()!) as { type: string[] }).type), new Set([A, B, C]))
})

t.test('rights and keys that are missing end the start, and are named', async t => {
  const { owner, guest, hooks } = await rig(t)
  await owner.provision(QUEUE, wants(A), TOPIC)
  const restore = ['sns:Publish', 'sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:ChangeMessageVisibility']
    .map(right => hooks.deny(right, new RegExp(`${QUEUE}|${TOPIC}`)))
  restore.push(hooks.deny('sqs:SendMessage', new RegExp(DEAD)))
  await t.rejects(guest.provision(QUEUE, wants(A), TOPIC), { code: 'E_BUS_DENIED', canRetry: false, message:
    `sns:Publish on topic ${TOPIC}, sqs:ReceiveMessage on queue ${QUEUE}, sqs:DeleteMessage on queue ${QUEUE}, ` +
    `sqs:ChangeMessageVisibility on queue ${QUEUE}, sqs:SendMessage on queue ${DEAD}` })
  for (const undo of restore) undo()
  await t.resolves(guest.provision(QUEUE, wants(A), TOPIC))
  for (const right of ['sqs:GetQueueAttributes', 'sns:ListSubscriptionsByTopic', 'sns:GetTopicAttributes',
    'sns:GetSubscriptionAttributes']) {
    const undo = hooks.deny(right)
    await t.rejects(guest.provision(QUEUE, wants(A), TOPIC), { code: 'E_BUS_DENIED', message: right }, right)
    undo()
  }
  for (const code of ['InvalidClientTokenId', 'ExpiredToken', 'SignatureDoesNotMatch', 'AccessDenied', 'UnrecognizedClientException']) {
    const undo = hooks.refuseKeys(code)
    await t.rejects(guest.provision(QUEUE, wants(A), TOPIC), { code: 'E_BUS_DENIED', canRetry: false, message: code }, code)
    undo()
  }
})

t.test('an emptied queue takes nothing from the questions about rights', async t => {
  const { owner, account } = await rig(t)
  await owner.provision(QUEUE, [], TOPIC)
  await owner.send(QUEUE, [message('g', 1)])
  await owner.provision(QUEUE, [], TOPIC)
  t.match(account.queue(QUEUE).messages, [{ receives: 0 }])
})

t.test('a bus that is busy or away at start is asked again later', async t => {
  const { owner, hooks } = await rig(t)
  for (const fault of [new AwsFault('ThrottlingException', 'Rate exceeded'), new AwsFault('InternalFailure', 'x', 500),
    new AwsFault('AWS.SimpleQueueService.QueueDeletedRecently', 'wait 60 seconds')]) {
    hooks.fail('CreateQueue', fault)
    await t.rejects(owner.provision(QUEUE, [], TOPIC), { code: /E_BUS_(DOWN|THROTTLED)/, canRetry: true })
  }
  await t.resolves(owner.provision(QUEUE, [], TOPIC))
})

t.test('a place that is there, made by an older version, is no error', async t => {
  const { owner, account, hooks } = await rig(t)
  // Between the look for it and its creation somebody else has created it.
  const creating = hooks.hold('CreateQueue')
  const provisioned = owner.provision(QUEUE, [], TOPIC)
  await creating.reached
  const other = awsBus({ ...readAwsUrl(`aws://eu-central-1?endpoint=${account.endpoint}`, true) })
  t.teardown(() => other.close())
  await other.provision(QUEUE, [], TOPIC)
  account.queue(DEAD).attributes = { ...account.queue(DEAD).attributes, MessageRetentionPeriod: '60' }
  creating.release()
  await provisioned
  t.equal(account.queue(DEAD).attributes.MessageRetentionPeriod, '1209600')
})

t.test('names that AWS does not know as such are refused, and topics and queues that are missing named', async t => {
  const { owner, guest } = await rig(t)
  for (const name of ['a b-in.fifo', 'ä-in.fifo', `${'x'.repeat(72)}-in.fifo`, 'x.y-in.fifo']) {
    await t.rejects(owner.provision(name, [], TOPIC), { code: 'E_BUS_NAME', canRetry: false }, name)
  }
  await t.rejects(owner.provision(QUEUE, [], 'a.b-events.fifo'), { code: 'E_BUS_NAME' })
  await owner.provision(QUEUE, [], TOPIC)
  await t.rejects(guest.publish('test-none-events.fifo', [message('g', 1)]), { code: 'E_BUS_PROVISION', message: /none/ })
  await t.rejects(guest.send('test-none-in.fifo', [message('g', 1)]), { code: 'E_BUS_PROVISION', message: /none/ })
})

t.test('what waits is kept for fourteen days, by a queue of an older version too', async t => {
  const clock = new ManualClock()
  const { connect, account } = await awsRig(t, { clock })
  const bus = connect()
  await bus.provision(QUEUE, [], TOPIC)
  account.queue(QUEUE).attributes = { ...account.queue(QUEUE).attributes, MessageRetentionPeriod: '345600' }
  await bus.provision(QUEUE, [], TOPIC)
  await bus.send(QUEUE, [message('g', 1)])
  await clock.advance(14 * 86_400_000 - 1000)
  t.equal(account.queue(QUEUE).messages.length, 1)
})

t.test('a filter that is wider takes its time to be known', async t => {
  const clock = new ManualClock()
  const { connect, account } = await awsRig(t, { clock })
  account.delays.filterMs = 900_000
  const bus = connect()
  await bus.provision(QUEUE, wants(A), TOPIC)
  await bus.provision(QUEUE, wants(A, B), TOPIC)
  await bus.publish(OTHER, [message('g', 1, B)])
  t.equal(account.queue(QUEUE).messages.length, 0, 'as documented: subscribe before the new type is published')
  await clock.advance(900_000)
  await bus.publish(OTHER, [message('g', 2, B)])
  t.equal(account.queue(QUEUE).messages.length, 1)
})

t.test('keys belong into no URL, and into no error', async t => {
  for (const url of ['aws://key:secret@eu-central-1', 'aws://eu-central-1?endpoint=http://key:secret@localhost:4566',
    'ftp://key:secret@x', 'aws://', 'secret', 'aws://eu-central-1?endpoint=secret']) {
    t.throws(() => readAwsUrl(url, false), { code: 'E_BUS_URL' })
    try {
      readAwsUrl(url, false)
    } catch (error) {
      t.notMatch(String(error), /key|secret/, url)
    }
  }
  const { owner, hooks } = await rig(t)
  hooks.fail('GetQueueUrl', new AwsFault('SignatureDoesNotMatch', 'It does not match.\n\nThe Canonical String for this ' +
    'request should have been \'POST\nx-amz-security-token:secret\'', 403), Infinity)
  const error = await owner.provision(QUEUE, [], TOPIC).then(() => undefined, (error: unknown) => error) as Error
  t.match(error, { code: 'E_BUS_DENIED' })
  t.notMatch(`${String(error)} ${error.stack ?? ''} ${String(error.cause)}`, /secret/)
  t.equal(callsOf(hooks.calls, 'GetQueueUrl').length, 1, 'and nobody asks again')
})
