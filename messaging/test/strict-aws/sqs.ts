/** SQS's actions, as the SDK asks for them in JSON. */
import { arnOf, type Account } from './account.ts'
import { AwsFault, eachEntry, type BatchAnswer } from './fault.ts'
import { checkQueueAttributes, type QueueAttributes } from './queue-attributes.ts'
import { md5, Queue, type Arriving } from './queue.ts'
import { receiveMessage, type ReceiveInput } from './receive.ts'
import {
  bytesOf, checkAttributes, checkBatch, checkFifoId, checkQueueName, checkText, SQS_MAX_BYTES, type Attributes
} from './rules.ts'

interface QueueInput { readonly QueueUrl: string }

interface SendInput {
  readonly MessageBody?: string
  readonly MessageAttributes?: Attributes
  readonly MessageGroupId?: string
  readonly MessageDeduplicationId?: string
}

interface ReceiptEntry { readonly Id: string, readonly ReceiptHandle: string, readonly VisibilityTimeout?: number }

interface BatchInput<Entry> extends QueueInput { readonly Entries?: ReadonlyArray<Entry & { readonly Id: string }> }

type Action = (account: Account, input: never) => unknown

/** By the word behind `AmazonSQS.`. */
export const SQS_ACTIONS: Readonly<Record<string, Action>> = {
  CreateQueue: (account, { QueueName, Attributes = {} }: { QueueName: string, Attributes?: QueueAttributes }) => {
    account.hooks.check('sqs', 'CreateQueue', arnOf('sqs', QueueName))
    checkQueueName(QueueName)
    checkQueueAttributes(Attributes, arn => account.queueByArn(arn))
    return { QueueUrl: createQueue(account, QueueName, Attributes).url }
  },
  GetQueueUrl: (account, { QueueName }: { QueueName: string }) => {
    account.hooks.check('sqs', 'GetQueueUrl', arnOf('sqs', QueueName))
    return { QueueUrl: account.queueByUrl(`/${QueueName}`).url }
  },
  GetQueueAttributes: (account, input: QueueInput & { AttributeNames?: string[] }) => {
    const queue = queueOf(account, 'GetQueueAttributes', input)
    const { visible, invisible } = queue.counts
    const all: QueueAttributes = { ...queue.attributes, QueueArn: queue.arn,
      ApproximateNumberOfMessages: String(visible), ApproximateNumberOfMessagesNotVisible: String(invisible) }
    const names = input.AttributeNames ?? []
    return { Attributes: names.includes('All') ? all : pick(all, names) }
  },
  SetQueueAttributes: (account, input: QueueInput & { Attributes: QueueAttributes }) => {
    const queue = queueOf(account, 'SetQueueAttributes', input)
    checkQueueAttributes(input.Attributes, arn => account.queueByArn(arn))
    if (input.Attributes.Policy !== undefined) {
      queue.policyBefore = queue.attributes.Policy
      queue.policyAt = account.clock.now()
    }
    queue.attributes = { ...queue.attributes, ...input.Attributes }
    return {}
  },
  SendMessage: (account, input: QueueInput & SendInput) => {
    const queue = queueOf(account, 'SendMessage', input)
    checkSize(queue, [input], 'InvalidParameterValue')
    return send(account, queue, 'SendMessage', input)
  },
  SendMessageBatch: (account, input: BatchInput<SendInput>) => batch(account, 'SendMessageBatch', input, (queue, entry) => ({
    Id: entry.Id, ...send(account, queue, 'SendMessageBatch', entry)
  }), queue => {
    account.hooks.checkEntries('SendMessageBatch', (input.Entries ?? []).map(arriving))
    checkSize(queue, input.Entries ?? [], 'BatchRequestTooLong')
  }),
  ReceiveMessage: (account, input: QueueInput & ReceiveInput) =>
    receiveMessage(queueOf(account, 'ReceiveMessage', input), input),
  DeleteMessage: (account, input: QueueInput & { ReceiptHandle: string }) => {
    queueOf(account, 'DeleteMessage', input).remove(input.ReceiptHandle)
    return {}
  },
  DeleteMessageBatch: (account, input: BatchInput<ReceiptEntry>) => batch(account, 'DeleteMessageBatch', input, (queue, entry) => {
    account.hooks.checkEntry('DeleteMessageBatch', sentOf(queue, entry))
    inBatch(() => { queue.remove(entry.ReceiptHandle) })
    return { Id: entry.Id }
  }),
  ChangeMessageVisibility: (account, input: QueueInput & Omit<ReceiptEntry, 'Id'>) => {
    queueOf(account, 'ChangeMessageVisibility', input).changeVisibility(input.ReceiptHandle, input.VisibilityTimeout ?? NaN)
    return {}
  },
  ChangeMessageVisibilityBatch: (account, input: BatchInput<ReceiptEntry>) =>
    batch(account, 'ChangeMessageVisibilityBatch', input, (queue, entry) => {
      account.hooks.checkEntry('ChangeMessageVisibilityBatch', sentOf(queue, entry))
      inBatch(() => { queue.changeVisibility(entry.ReceiptHandle, entry.VisibilityTimeout ?? NaN) })
      return { Id: entry.Id }
    })
}

/** "CreateQueue": one that is there is returned, unless it was made otherwise. */
function createQueue (account: Account, name: string, attributes: QueueAttributes): Queue {
  const present = account.queues.get(name)
  if (present !== undefined) {
    const same = Object.entries(attributes).every(([key, value]) => present.attributes[key] === value)
    if (same) return present
    throw new AwsFault('QueueAlreadyExists', 'A queue already exists with the same name and a different value for an attribute.')
  }
  const place = { arn: arnOf('sqs', name), url: `${account.endpoint}/${name}` }
  const queue = new Queue(name, place, attributes, account.clock, account.limits, arn => account.queueByArn(arn))
  account.queues.set(name, queue)
  return queue
}

/** The queue that a call is about, if the call may be made. */
function queueOf (account: Account, action: string, { QueueUrl }: QueueInput): Queue {
  account.hooks.check('sqs', action, arnOf('sqs', QueueUrl.slice(QueueUrl.lastIndexOf('/') + 1)))
  const queue = account.queueByUrl(QueueUrl)
  if (queue.attributes.FifoThroughputLimit !== 'perMessageGroupId') account.meter.count(action, queue.arn)
  return queue
}

function batch<Entry extends { readonly Id: string }, Success> (
  account: Account, action: string, input: QueueInput & { readonly Entries?: readonly Entry[] },
  work: (queue: Queue, entry: Entry) => Success, check: (queue: Queue) => void = () => {}
): BatchAnswer<Success> {
  const queue = queueOf(account, action, input)
  checkBatch(input.Entries ?? [])
  check(queue)
  return eachEntry(input.Entries ?? [], entry => work(queue, entry))
}

/** Nothing of a batch is taken whose sum is too large, nor a message that is too large alone. */
function checkSize (queue: Queue, messages: readonly SendInput[], code: string): void {
  const sizes = messages.map(message => bytesOf(message.MessageBody, message.MessageAttributes ?? {}))
  const sum = sizes.reduce((sum, size) => sum + size, 0)
  if (sum > SQS_MAX_BYTES || Math.max(...sizes) > Number(queue.attributes.MaximumMessageSize)) {
    throw new AwsFault(code, `Batch requests cannot be longer than ${SQS_MAX_BYTES} bytes. You have sent ${sum} bytes.`)
  }
}

function send (account: Account, queue: Queue, action: string, input: SendInput): object {
  const { MessageBody: body, MessageAttributes: attributes = {} } = input
  const { MessageGroupId: group, MessageDeduplicationId: dedupe } = input
  checkAttributes(attributes)
  checkText(body, attributes)
  checkFifoId('MessageGroupId', group)
  checkFifoId('MessageDeduplicationId', dedupe)
  const message: Arriving = { body, attributes, group, dedupe }
  account.hooks.checkEntry(action, message)
  return { ...queue.add(message), MD5OfMessageBody: md5(body) }
}

function arriving (input: SendInput): Arriving {
  const { MessageBody: body = '', MessageAttributes: attributes = {} } = input
  return { body, attributes, group: input.MessageGroupId ?? '', dedupe: input.MessageDeduplicationId ?? '' }
}

/** smaskalik/sqsmover#54: in a batch, a receipt that is no good has one code for all reasons. */
function inBatch (work: () => void): void {
  try {
    work()
  } catch (error) {
    if (error instanceof AwsFault && error.code === 'InvalidParameterValue' && error.message.includes('ReceiptHandle')) {
      throw new AwsFault('ReceiptHandleIsInvalid', error.message)
    }
    throw error
  }
}

function sentOf (queue: Queue, { ReceiptHandle }: ReceiptEntry): Arriving {
  return queue.held(ReceiptHandle) ?? { body: '', attributes: {}, group: '', dedupe: '' }
}

function pick (all: QueueAttributes, names: readonly string[]): QueueAttributes {
  return Object.fromEntries(Object.entries(all).filter(([name]) => names.includes(name)))
}
