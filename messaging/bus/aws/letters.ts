/** A dead letter as a message of SQS: the body as it was, and beside it the error, the group and the type. */
import type { Message, MessageAttributeValue } from '@aws-sdk/client-sqs'
import { messagingError } from '../../errors.ts'
import type { DeadLetter, Outgoing } from '../bus.ts'
import { deadLetterName } from '../names.ts'
import type { AwsCalls } from './calls.ts'
import { SQS_BYTES } from './limits.ts'
import { idOf } from './names.ts'
import type { Places } from './places.ts'

/** Of the error, so that a letter of our largest message stays inside an older queue's 262,144 bytes. */
const MAX_ERROR_CHARS = 1000

/** To the dead letters, with the reason. The caller deletes it from its queue afterwards. */
export async function bury (
  calls: AwsCalls, places: Places, queue: string, message: Message, error: string
): Promise<void> {
  const attributes = { error: text(error), group: text(message.Attributes?.MessageGroupId ?? ''),
    type: message.MessageAttributes?.type ?? text('unknown') }
  const [failed] = await calls.send(await places.queueUrl(deadLetterName(queue)), [{
    Id: '0',
    MessageBody: message.Body!,
    // A group of its own for each letter: letters must not hide behind one another.
    MessageGroupId: message.MessageId!,
    // The same when the consumer dies before the deletion: one letter, not two.
    MessageDeduplicationId: message.MessageId!,
    // What others have sent may leave no room for more.
    ...(Buffer.byteLength(message.Body!) + sizeOf(attributes) > SQS_BYTES ? {} : { MessageAttributes: attributes })
  }])
  if (failed !== undefined) throw messagingError('E_BUS_NOT_YET', [`${failed.Code ?? ''} ${failed.Message ?? ''}`])
}

/** As it goes back to its queue: the group is an id of SQS already. */
export function revived (letter: Message): Outgoing {
  const { id, type, body } = letterOf(letter)
  // A dedupe id of its own, or the queue would swallow it; the same when this is repeated.
  return { id, dedupe: `redrive:${id}`, group: letterGroup(letter), type, body }
}

/** What SQS moved here by itself, because it was received too often, has no error and keeps its group. */
export function letterOf (message: Message): DeadLetter {
  const attribute = (name: string) => message.MessageAttributes?.[name]?.StringValue
  return {
    id: message.MessageId!,
    group: subjectOf(message) ?? letterGroup(message),
    type: attribute('type') ?? 'unknown',
    body: message.Body ?? '',
    error: attribute('error') ?? 'received too often without an answer',
    at: Number(message.Attributes?.SentTimestamp ?? 0)
  }
}

function letterGroup (letter: Message): string {
  return letter.MessageAttributes?.group?.StringValue ?? letter.Attributes?.MessageGroupId ?? ''
}

/** The group as its sender named it, if its id is of that name: a digest tells it nobody. */
function subjectOf (letter: Message): string | undefined {
  try {
    const { subject } = JSON.parse(letter.Body ?? '') as { subject?: unknown }
    return typeof subject === 'string' && idOf(subject) === letterGroup(letter) ? subject : undefined
  } catch {
    return undefined
  }
}

/** Never empty, and of characters that SQS takes. */
function text (value: string): MessageAttributeValue {
  const legal = value.slice(0, MAX_ERROR_CHARS).toWellFormed().replace(/[^\t\n\r\u{20}-\u{fffd}\u{10000}-\u{10ffff}]/gu, '\ufffd')
  return { DataType: 'String', StringValue: legal || '-' }
}

function sizeOf (attributes: Readonly<Record<string, MessageAttributeValue>>): number {
  return Object.entries(attributes).reduce((sum, [name, { DataType, StringValue }]) =>
    sum + Buffer.byteLength(`${name}${DataType ?? ''}${StringValue ?? ''}`), 0)
}
