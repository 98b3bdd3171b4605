/** AWS's rules for what is put into a call, each with the page that states it. */
import { AwsFault, invalidValue } from './fault.ts'

/** "SendMessageBatch": of a message and of the sum of a batch, 1 MiB. */
export const SQS_MAX_BYTES = 1_048_576
/** "PublishBatch", "Amazon SNS message batching": unless the topic's MaximumMessageSize says otherwise. */
export const SNS_DEFAULT_BYTES = 262_144

export interface Attribute {
  readonly DataType?: string
  readonly StringValue?: string
}

export type Attributes = Readonly<Record<string, Attribute>>

/** Names of queues and topics. */
export function checkQueueName (name: string): void {
  // "CreateQueue": up to 80 characters with the suffix .fifo; letters, digits, hyphens and underscores.
  if (/^[A-Za-z0-9_-]{1,75}\.fifo$/.test(name)) return
  throw new AwsFault('InvalidParameterValue',
    'Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length')
}

export function checkTopicName (name: string): void {
  // "CreateTopic": up to 256 characters with the suffix .fifo.
  if (!/^[A-Za-z0-9_-]{1,251}\.fifo$/.test(name)) throw new AwsFault('InvalidParameter', 'Invalid parameter: Topic Name')
}

/** "Amazon SQS message quotas": 1 to 10 entries; ids distinct, 1 to 80 of letters, digits, - and _. */
export function checkBatch (entries: ReadonlyArray<{ readonly Id: string }>): void {
  if (entries.length === 0) throw new AwsFault('EmptyBatchRequest', 'There should be at least one entry in the request.')
  if (entries.length > 10) {
    throw new AwsFault('TooManyEntriesInBatchRequest', 'Maximum number of entries per request are 10.')
  }
  if (!entries.every(entry => /^[A-Za-z0-9_-]{1,80}$/.test(entry.Id))) {
    throw new AwsFault('InvalidBatchEntryId', 'A batch entry id can only contain alphanumeric characters, hyphens and underscores.')
  }
  if (new Set(entries.map(entry => entry.Id)).size < entries.length) {
    throw new AwsFault('BatchEntryIdsNotDistinct', 'Two or more batch entries in the request have the same Id.')
  }
}

/** "Amazon SQS message quotas": required on FIFO, 1 to 128 ASCII letters, digits and punctuation; no space. */
export function checkFifoId (name: string, value: string | undefined): asserts value is string {
  if (value === undefined) throw new AwsFault('MissingParameter', `The request must contain the parameter ${name}.`)
  if (!/^[\x21-\x7e]{1,128}$/.test(value)) {
    throw invalidValue(name, value, `${name} can only include alphanumeric and punctuation characters. 1 to 128 in length.`)
  }
}

/** "Amazon SQS message quotas": the characters of XML 1.0. */
export function legalText (text: string): boolean {
  return !/[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/u.test(text)
}

/** "MessageAttributeValue": at most 10; name, type and value must not be empty. */
export function checkAttributes (attributes: Attributes): void {
  const entries = Object.entries(attributes)
  if (entries.length > 10) throw new AwsFault('InvalidParameterValue', 'Number of message attributes exceeds the allowed maximum [10].')
  for (const [name, { DataType, StringValue }] of entries) {
    if (name === '' || !DataType || !StringValue) {
      throw new AwsFault('InvalidParameterValue', `Message (user) attribute '${name}' must contain a non-empty value and type.`)
    }
  }
}

export function checkText (body: string | undefined, attributes: Attributes): asserts body is string {
  if (!body) throw new AwsFault('MissingParameter', 'The request must contain the parameter MessageBody.')
  const values = Object.values(attributes).map(attribute => attribute.StringValue ?? '')
  if (![body, ...values].every(legalText)) {
    throw new AwsFault('InvalidMessageContents', 'Invalid binary character was found in the message body or an attribute.')
  }
}

/** "MessageAttributeValue": name, type and value are part of a message's size. */
export function bytesOf (body: string | undefined, attributes: Attributes): number {
  const parts = Object.entries(attributes).flatMap(([name, { DataType, StringValue }]) => [name, DataType, StringValue])
  return [body, ...parts].reduce((sum, part) => sum + Buffer.byteLength(part ?? ''), 0)
}
