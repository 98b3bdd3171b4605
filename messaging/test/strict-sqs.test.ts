/**
 * What the strict SQS keeps, rule by rule: it is only worth as much as what it refuses. Asked through the SDK, as the
 * bus asks it.
 */
import {
  ChangeMessageVisibilityBatchCommand, DeleteMessageBatchCommand, GetQueueAttributesCommand, GetQueueUrlCommand,
  ReceiveMessageCommand
} from '@aws-sdk/client-sqs'
import { t } from 'tap'
import { attribute, bodies, entry, HIGH, rig } from './strict-aws/rig.ts'

t.test('sending to a queue', async t => {
  const { create, send, receive, account } = await rig(t)
  const q = await create('q.fifo')

  await t.test('a batch of 1 MiB is taken whole, attributes counted, and one byte more not at all', async t => {
    const [half, rest] = ['x'.repeat(524_288), 'x'.repeat(524_288 - 'type'.length - 'String'.length - 'a'.length)]
    const second = { ...entry('b', 'g', rest), MessageAttributes: { type: attribute('a') } }
    const longer = { ...second, MessageBody: `${rest}x` }
    await t.rejects(send(q, entry('a', 'g', half), longer), { name: /BatchRequestTooLong/ })
    t.same(await receive(q), [])
    t.equal((await send(q, entry('a', 'g', half), second)).Successful?.length, 2)
    await receive(q)
  })

  await t.test('1 to 10 entries, with distinct ids of letters, digits, - and _', async t => {
    await t.rejects(send(q), { name: /EmptyBatchRequest/ })
    await t.rejects(send(q, ...Array.from({ length: 11 }, (_, n) => entry(`e${n}`, 'g'))), { name: /TooManyEntries/ })
    await t.rejects(send(q, entry('a', 'g'), entry('a', 'h')), { name: /BatchEntryIdsNotDistinct/ })
    for (const id of ['a.b', 'ä', 'x'.repeat(81), '']) {
      await t.rejects(send(q, entry(id, 'g')), { name: /InvalidBatchEntryId/ }, id)
    }
  })

  await t.test('a failed entry stops none behind it', async t => {
    account.hooks.failEntries('SendMessageBatch', ({ body }) => body === 'm2')
    const { Successful, Failed } = await send(q, entry('m1', 'f'), entry('m2', 'f'), entry('m3', 'f'))
    t.same(Successful?.map(one => one.Id), ['m1', 'm3'])
    t.match(Failed, [{ Id: 'm2', Code: 'InternalError', SenderFault: false }])
    t.same(bodies(await receive(q)), ['m1', 'm3'])
  })

  await t.test('group and dedupe id: 1 to 128 of ASCII letters, digits and punctuation', async t => {
    for (const id of ['a b', 'ä', '日本', '\n', 'x'.repeat(129)]) {
      const { Failed } = await send(q, entry('g', id), { ...entry('d', 'g'), MessageDeduplicationId: id })
      t.match(Failed, [{ Id: 'g', Code: 'InvalidParameterValue' }, { Id: 'd', Code: 'InvalidParameterValue' }], id)
    }
    t.match(await send(q, { Id: 'n', MessageBody: 'n' }), { Failed: [{ Code: 'MissingParameter' }] })
    t.match(await send(q, { ...entry('ok', '!~'), MessageDeduplicationId: 'x'.repeat(128) }), { Successful: [{ Id: 'ok' }] })
  })

  await t.test('text is of the characters of XML, attributes are at most ten and never empty', async t => {
    for (const text of ['\0', '\u0008', '\ufffe', '\uffff']) {
      t.match(await send(q, entry('x', 'g', `a${text}`)), { Failed: [{ Code: 'InvalidMessageContents' }] })
      t.match(await send(q, { ...entry('x', 'g'), MessageAttributes: { type: attribute(`a${text}`) } }),
        { Failed: [{ Code: 'InvalidMessageContents' }] })
    }
    t.match(await send(q, entry('text', 't', '\t\n\r \ud7ff\ue000\ufffd😀')), { Successful: [{ Id: 'text' }] })
    const eleven = Object.fromEntries(Array.from({ length: 11 }, (_, n) => [`a${n}`, attribute('x')]))
    for (const MessageAttributes of [eleven, { type: attribute('') }, { type: attribute('a', '') }]) {
      t.match(await send(q, { ...entry('x', 'g'), MessageAttributes }), { Failed: [{ Code: 'InvalidParameterValue' }] })
    }
  })
})

t.test('a dedupe id is remembered for five minutes, also when its message is gone', async t => {
  for (const [scope, attributes] of [['messageGroup', HIGH], ['queue', { FifoQueue: 'true' }]] as const) {
    const { clock, create, send, receive, remove } = await rig(t)
    const q = await create('q.fifo', attributes)
    await send(q, entry('m', 'g', 'first'))
    const [message] = await receive(q)
    await remove(q, message!.ReceiptHandle!)
    await clock.advance(299_999)
    t.match(await send(q, entry('m', 'g', 'second')), { Successful: [{ Id: 'm' }] })
    t.same(bodies(await receive(q)), [])
    await send(q, entry('m', 'h', 'in another group'))
    t.same(bodies(await receive(q)), scope === 'queue' ? [] : ['in another group'])
    await clock.advance(1)
    await send(q, entry('m', 'g', 'third'))
    t.same(bodies(await receive(q)), ['third'])
  }
})

t.test('receiving', async t => {
  await t.test('as many of one group as possible, in order, then of the next', async t => {
    const { create, send, receive } = await rig(t)
    const q = await create('q.fifo')
    await send(q, entry('a1', 'a'), entry('b1', 'b'), entry('a2', 'a'), entry('b2', 'b'), entry('a3', 'a'))
    t.same(bodies(await receive(q, { MaxNumberOfMessages: 4 })), ['a1', 'a2', 'a3', 'b1'])
    t.same(bodies(await receive(q)), [], 'b2 waits for b1')
  })

  await t.test('a group with an invisible message gives none, not even one before it', async t => {
    const { create, send, receive, change, remove } = await rig(t)
    const q = await create('q.fifo')
    await send(q, entry('a1', 'a'), entry('a2', 'a'), entry('b1', 'b'))
    const [first, second] = await receive(q, { MaxNumberOfMessages: 2, VisibilityTimeout: 30 })
    await change(q, first!.ReceiptHandle!, 0)
    t.same(bodies(await receive(q)), ['b1'])
    await remove(q, second!.ReceiptHandle!)
    t.same(bodies(await receive(q)), ['a1'])
  })

  await t.test('each receive counts, and at maxReceiveCount a message is moved and the next comes', async t => {
    const { clock, sqs, create, send, receive } = await rig(t)
    const dead = await create('dead.fifo')
    const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl: dead, AttributeNames: ['QueueArn'] }))
    const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: Attributes!.QueueArn, maxReceiveCount: 2 })
    const q = await create('q.fifo', { ...HIGH, RedrivePolicy })
    await send(q, entry('m1', 'g'))
    for (const n of ['1', '2']) {
      t.match(await receive(q), [{ Body: 'm1', Attributes: { ApproximateReceiveCount: n } }])
      await clock.advance(30_000)
    }
    await send(q, entry('m2', 'g'))
    t.same(bodies(await receive(q)), ['m2'])
    t.match(await receive(dead), [{ Body: 'm1', Attributes: { MessageGroupId: 'g' } }])
  })

  await t.test('at the limit of what may be in flight a FIFO queue answers with nothing', async t => {
    const { create, send, receive } = await rig(t, { inFlight: 2 })
    const q = await create('q.fifo')
    await send(q, entry('a', 'a'), entry('b', 'b'), entry('c', 'c'))
    t.equal((await receive(q, { MaxNumberOfMessages: 2 })).length, 2)
    t.same(await receive(q), [])
  })

  await t.test('only so many of the oldest messages are looked through for groups', async t => {
    const { create, send, receive } = await rig(t, { lookThrough: 2 })
    const q = await create('q.fifo')
    await send(q, entry('a1', 'a'), entry('a2', 'a'), entry('b1', 'b'))
    t.equal((await receive(q)).length, 2)
    t.same(await receive(q), [])
  })

  await t.test('a lost answer is given again for the same attempt', async t => {
    const { clock, account, create, send, receive } = await rig(t)
    const q = await create('q.fifo')
    await send(q, entry('a', 'a'))
    account.hooks.cut('ReceiveMessage')
    await t.rejects(receive(q, { ReceiveRequestAttemptId: 'x' }))
    t.same(await receive(q, { ReceiveRequestAttemptId: 'y' }), [])
    t.match(await receive(q, { ReceiveRequestAttemptId: 'x' }), [{ Attributes: { ApproximateReceiveCount: '1' } }])
    await clock.advance(30_000)
    t.match(await receive(q, { ReceiveRequestAttemptId: 'x' }), [{ Attributes: { ApproximateReceiveCount: '2' } }])
  })

  await t.test('a receive that was hung up still takes', async t => {
    const { clock, sqs, create, send, receive, account } = await rig(t)
    const q = await create('q.fifo')
    const asked = account.hooks.hold('ReceiveMessage')
    const abort = new AbortController()
    const lost = sqs.send(new ReceiveMessageCommand({ QueueUrl: q, WaitTimeSeconds: 20 }),
      { abortSignal: abort.signal })
    await asked.reached
    asked.release()
    abort.abort()
    await t.rejects(lost)
    await send(q, entry('a', 'a'))
    t.same(await receive(q), [])
    await clock.advance(30_000)
    t.same(bodies(await receive(q)), ['a'])
  })
})

t.test('a receipt belongs to one receive, and ends with its visibility', async t => {
  const { clock, sqs, create, send, receive, change, remove } = await rig(t)
  const q = await create('q.fifo')
  await send(q, entry('a', 'a'))
  const old = (await receive(q))[0]!.ReceiptHandle!
  await clock.advance(30_000)
  await t.rejects(remove(q, old), { name: /InvalidParameterValue/, message: /has expired/ })
  await t.rejects(change(q, old, 10), { name: /MessageNotInflight/ })
  const fresh = (await receive(q))[0]!.ReceiptHandle!
  await t.rejects(remove(q, old), { name: /InvalidParameterValue/ }, 'somebody else has it now')
  const Entries = [{ Id: 'old', ReceiptHandle: old }, { Id: 'fresh', ReceiptHandle: fresh }]
  t.match(await sqs.send(new ChangeMessageVisibilityBatchCommand({ QueueUrl: q,
    Entries: Entries.map(one => ({ ...one, VisibilityTimeout: 5 })) })),
  { Successful: [{ Id: 'fresh' }], Failed: [{ Id: 'old', Code: 'MessageNotInflight' }] })
  t.match(await sqs.send(new DeleteMessageBatchCommand({ QueueUrl: q, Entries })),
    { Successful: [{ Id: 'fresh' }], Failed: [{ Id: 'old', Code: 'ReceiptHandleIsInvalid', Message: /has expired/ }] })
  await t.resolves(remove(q, fresh), 'what is gone may be deleted again')
  await t.rejects(remove(q, 'nonsense'), { name: /ReceiptHandleIsInvalid/ })
})

t.test('visibility is whole seconds up to 12 hours, and 12 hours from the receive in all', async t => {
  const { clock, create, send, receive, change } = await rig(t)
  const q = await create('q.fifo')
  await send(q, entry('a', 'a'))
  const receipt = (await receive(q))[0]!.ReceiptHandle!
  for (const seconds of [43_201, -1]) await t.rejects(change(q, receipt, seconds), { name: /InvalidParameterValue/ })
  await change(q, receipt, 43_200)
  await clock.advance(43_190_000)
  await t.rejects(change(q, receipt, 11), { message: /beyond the limit \[43200 seconds\]/ })
  await change(q, receipt, 10)
  await clock.advance(10_000)
  t.same(bodies(await receive(q, { VisibilityTimeout: 43_200 })), ['a'], 'a new receive begins anew')
})

t.test('what is older than the retention is gone', async t => {
  const { clock, create, send, receive } = await rig(t)
  const q = await create('q.fifo')
  await send(q, entry('a', 'a'))
  await clock.advance(4 * 86_400_000 - 1)
  t.equal((await receive(q, { VisibilityTimeout: 0 })).length, 1)
  await clock.advance(1)
  t.same(await receive(q), [])
})

t.test('attributes of a queue', async t => {
  const { sqs, create, account, set } = await rig(t)
  const q = await create('q.fifo')
  const { arn } = account.queue('q.fifo')
  const statements = (n: number) => JSON.stringify({ Statement: Array.from({ length: n }, () => ({})) })
  for (const bad of [{ MessageRetentionPeriod: '59' }, { MessageRetentionPeriod: '1209601' }, { VisibilityTimeout: '43201' },
    { VisibilityTimeout: '1.5' }]) await t.rejects(set(q, bad), { name: /InvalidAttributeValue/ })
  await t.rejects(set(q, { Policy: statements(21) }), { name: /OverLimit/ })
  await t.rejects(set(q, { Policy: JSON.stringify({ Statement: [], Id: 'x'.repeat(8192) }) }), { name: /OverLimit/ })
  await t.resolves(set(q, { Policy: statements(20), MessageRetentionPeriod: '1209600' }))
  const redrive = (deadLetterTargetArn: string, maxReceiveCount: number) =>
    ({ RedrivePolicy: JSON.stringify({ deadLetterTargetArn, maxReceiveCount }) })
  await t.rejects(set(q, redrive(`${arn}x`, 5)), { message: /does not exist/ })
  await t.rejects(set(q, redrive(arn, 1001)), { message: /maxReceiveCount/ })
  await t.rejects(create('q.fifo', { FifoQueue: 'true' }).then(() => create('q.fifo', { VisibilityTimeout: '1' })),
    { name: /QueueAlreadyExists|QueueNameExists/ })
  for (const name of ['a b.fifo', 'ä.fifo', `${'x'.repeat(76)}.fifo`]) {
    await t.rejects(create(name), { name: /InvalidParameterValue/ }, name)
  }
  await t.rejects(sqs.send(new GetQueueUrlCommand({ QueueName: 'none.fifo' })), { name: /NonExistentQueue|QueueDoesNotExist/ })
})
