/** Faults of the bus on SNS and SQS, which the strict stand-in for AWS must notice. */
import type { Mutant } from '../mutant.ts'

const SENDING = ['messaging/test/aws-sending.test.ts']
const HAND = ['messaging/test/aws-hand.test.ts']
const CONSUMER = ['messaging/test/aws-consumer.test.ts']
const PROVISION = ['messaging/test/aws-provision.test.ts']
const LETTERS = ['messaging/test/aws-dead-letters.test.ts']
const SUSPECTS = ['messaging/test/suspects.test.ts']

type Fault = readonly [id: string, breaks: string, file: string, from: string, to: string, seenBy: readonly string[]]

const FAULTS: readonly Fault[] = [
  ['aws-attributes-free', 'the attribute of a message counts', 'bus/aws/sending.ts',
    'Buffer.byteLength(body) + \'type\'.length + \'String\'.length + Buffer.byteLength(type)', 'Buffer.byteLength(body) - 300', SENDING],
  ['aws-batch-by-count', 'a call has as many bytes as it may', 'bus/aws/sending.ts',
    'if (batch.length > 0 && bytes > this.#maxBytes) break', '', SENDING],
  ['aws-group-twice', 'two of a group are never under way at the same time', 'bus/aws/sending.ts',
    'this.#groups = Map.groupBy(messages, message => message.group)', 'this.#groups = Map.groupBy(messages, message => message.dedupe)', SENDING],
  ['aws-overtake', 'what is behind a refused message does not overtake it', 'bus/aws/sending.ts',
    'this.#groups.delete(message.group)', 'this.#ready.push(message.group); behind.length = 0; this.#groups.get(message.group)!.shift()', SENDING],
  ['aws-never-halve', 'a refused call is halved, down to the message at fault', 'bus/aws/sending.ts',
    'if (batch.length === 1) return', 'return', SENDING],
  ['aws-refused-for-ever', 'an entry that fails by AWS\' own fault is to be repeated', 'bus/aws/sending.ts',
    '\'E_BUS_REFUSED\' : \'E_BUS_NOT_YET\'', '\'E_BUS_REFUSED\' : \'E_BUS_REFUSED\'', SENDING],
  ['aws-ids-meet', 'texts that are no ids stay apart', 'bus/aws/names.ts',
    'return MARK + createHash', 'return MARK + text.length || createHash', SENDING],
  ['aws-mark-meets', 'a legal id that looks like a digest is none', 'bus/aws/names.ts', ' && !text.startsWith(MARK)', '', SENDING],
  ['aws-denied-is-away', 'a right that is missing is no outage', 'bus/aws/failures.ts',
    'case \'denied\': return messagingError(\'E_BUS_DENIED\', [`${right} on ${on}`, error.name])',
    'case \'denied\': return messagingError(\'E_BUS_DOWN\', [where, error.name])', [...SENDING, ...PROVISION]],
  ['aws-tells-token', 'no error repeats a token', 'bus/aws/failures.ts', 'error.name])\n    case \'missing\'',
    'error.message])\n    case \'missing\'', PROVISION],
  ['aws-beyond-12h', 'nothing is begun when its 12 hours are nearly over', 'bus/aws/hand.ts',
    ' && held.end > now + LAST_BEGIN_MS', '', HAND],
  ['aws-extend-beyond', 'no visibility is asked for beyond 12 hours', 'bus/aws/hand.ts',
    'Math.min(this.#seconds, Math.max(Math.floor((held.end - now) / 1000), 1))', 'this.#seconds', HAND],
  ['aws-lost-is-ours', 'what was not extended in time is not ours', 'bus/aws/hand.ts', 'held.until > now && ', '', [...HAND, ...CONSUMER]],
  ['aws-hand-full', 'a hand is bounded in bytes', 'bus/aws/hand.ts', ' && this.#bytes < maxBytes', '', HAND],
  ['aws-delete-once', 'a deletion that fails is repeated', 'bus/aws/hand.ts', 'await clock.delay(waitMs)', 'break', CONSUMER],
  ['aws-receive-is-try', 'a try is what a handler did', 'bus/aws/consumer.ts', 'tryOnce(handler, { body, tries, receives }',
    'tryOnce(handler, { body, tries: receives, receives }', CONSUMER],
  ['aws-new-attempt', 'a lost answer of a receive is asked for again', 'bus/aws/consumer.ts',
    'ReceiveRequestAttemptId: attemptId', 'ReceiveRequestAttemptId: randomUUID()', CONSUMER],
  ['aws-slots-stay-shut', 'a stop waits for no slot', 'bus/aws/consumer.ts', 'slots.open()', 'slots.hasRoom', CONSUMER],
  ['aws-full-hand-waits', 'lanes that wait make room when the hand is full', 'bus/aws/consumer.ts',
    'outage.sendAway(BATCH)', '', CONSUMER],
  ['aws-bury-once', 'a letter that was not taken is sent again', 'bus/aws/lane.ts', 'if (signal.aborted) return false',
    'return true', CONSUMER],
  ['aws-filter-replaced', 'an older instance does not narrow a filter', 'bus/aws/filter.ts', 'type: [...known, ...types.filter(',
    'type: [...types.filter(', PROVISION],
  ['aws-no-filter-narrowed', 'a subscription without a filter stays without one', 'bus/aws/filter.ts',
    'wanted === undefined ? [] :', 'wanted === undefined ? types :', PROVISION],
  ['aws-policy-grows', 'the policy has one statement for all topics', 'bus/aws/policy.ts',
    'const others = all.filter(statement => !isOurs(statement))', 'const others = all', PROVISION],
  ['aws-policy-forgets', 'statements of an operator stay', 'bus/aws/policy.ts', 'Statement: [...others, ours]', 'Statement: [ours]', PROVISION],
  ['aws-write-once', 'who was written over writes again', 'bus/aws/provision.ts', 'if (await there()) return\n      await this',
    'return\n      await this', PROVISION],
  ['aws-old-redrive', 'the redrive policy of an older version is replaced', 'bus/aws/provision.ts',
    ' && Number(maxReceiveCount) >= MAX_RECEIVES', '', PROVISION],
  ['aws-letters-unsorted', 'a redrive keeps the order of a group', 'bus/aws/dead-letters.ts', 'letters.toSorted(bySequence)', 'letters', LETTERS],
  ['aws-looks-overlap', 'two looks hide no letters from each other', 'bus/aws/dead-letters.ts',
    'this.#turn.catch(() => {}).then(work)', 'work()', LETTERS],
  ['aws-letters-kept', 'what a failed redrive held is let go', 'bus/aws/dead-letters.ts',
    'await this.#release(letters)\n      throw error', 'throw error', LETTERS],
  ['suspects-together', 'suspects are tried one at a time', 'suspects.ts', 'if (this.#trying) throw',
    'if (delivery.tries < 0) throw', SUSPECTS],
  ['suspects-forgiven', 'tries that nobody came back from are counted', 'suspects.ts', 'marks => [...marks.slice(ended), MARK]',
    '() => [MARK]', SUSPECTS],
  ['suspects-ends-count', 'a try that has ended counts nothing', 'suspects.ts', 'marks => marks.slice(1)', 'marks => marks', SUSPECTS]
]

export const AWS_BUS: readonly Mutant[] = FAULTS.map(([id, breaks, file, from, to, seenBy]) =>
  ({ id, package: 'messaging', breaks, file: `messaging/${file}`, from, to, seenBy }))
