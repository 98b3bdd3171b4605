/** What SNS and SQS take at once, by their documentation. */

/** Messages of a receive, entries of a batch. */
export const BATCH = 10
/** Of all messages of a "SendMessageBatch", and of one message. */
export const SQS_BYTES = 1_048_576
/** Of all messages of a "PublishBatch", and of one message, unless a topic's MaximumMessageSize allows more. */
export const SNS_BYTES = 262_144
