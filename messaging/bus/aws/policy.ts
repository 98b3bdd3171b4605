/**
 * The policy of a queue: which topics may send to it. Ours is one statement with a list, because a policy has room for
 * 20 statements and 8,192 bytes ("Amazon SQS message quotas"), and one for each subscription would fill it.
 */
type OneOrMany = string | readonly string[]

interface Statement {
  readonly Sid?: string
  readonly Effect?: string
  readonly Principal?: string | Readonly<Record<string, OneOrMany>>
  readonly Action?: OneOrMany
  readonly Resource?: OneOrMany
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, OneOrMany>>>>
}

interface Policy { readonly Version?: string, readonly Statement?: Statement | readonly Statement[] }

const SID = 'BreakwaterTopics'
const SOURCE = 'aws:sourcearn'

/** Whether some statement may let the topic send. What it asks beside the topic is for AWS to judge. */
export function lets (policy: string | undefined, topicArn: string): boolean {
  return statementsOf(policy).some(statement => statement.Effect === 'Allow' && isForSns(statement) &&
    isAboutSending(statement) && patternsOf(statement).every(pattern => matches(pattern, topicArn)))
}

/** The policy that lets the topic send as well; statements that an operator wrote stay as they are. */
export function letting (policy: string | undefined, queueArn: string, topicArn: string): string {
  const all = statementsOf(policy)
  const others = all.filter(statement => !isOurs(statement))
  const topics = new Set([...all.filter(isOurs).flatMap(patternsOf).flat(), topicArn])
  const ours: Statement = { Sid: SID, Effect: 'Allow', Principal: { Service: 'sns.amazonaws.com' },
    Action: 'sqs:SendMessage', Resource: queueArn, Condition: { ArnEquals: { 'aws:SourceArn': [...topics] } } }
  return JSON.stringify({ Version: '2012-10-17', Statement: [...others, ours] })
}

function statementsOf (policy: string | undefined): readonly Statement[] {
  const { Statement: statements = [] } = JSON.parse(policy || '{}') as Policy
  return list(statements)
}

/** By its name, or as this bus wrote one for each topic before it wrote one for all. */
function isOurs (statement: Statement): boolean {
  const { Sid, Effect, Principal, Action, Condition = {} } = statement
  if (Sid === SID) return true
  return Sid === undefined && Effect === 'Allow' && Action === 'sqs:SendMessage' &&
    JSON.stringify(Principal) === '{"Service":"sns.amazonaws.com"}' &&
    JSON.stringify(Object.keys(Condition)) === '["ArnEquals"]' &&
    JSON.stringify(Object.keys(Condition.ArnEquals ?? {})) === '["aws:SourceArn"]'
}

function isForSns ({ Principal }: Statement): boolean {
  const names = typeof Principal === 'string' ? [Principal] : Object.values(Principal ?? {}).flatMap(list)
  return names.some(name => name === '*' || name === 'sns.amazonaws.com')
}

function isAboutSending ({ Action = [] }: Statement): boolean {
  return list(Action).some(action => matches([action.toLowerCase()], 'sqs:sendmessage'))
}

/** What a statement demands of the topic: of each list, one must match. */
function patternsOf ({ Condition = {} }: Statement): ReadonlyArray<readonly string[]> {
  return Object.values(Condition).flatMap(keys => Object.entries(keys)
    .filter(([key]) => key.toLowerCase() === SOURCE).map(([, values]) => list(values)))
}

function matches (patterns: readonly string[], text: string): boolean {
  return patterns.some(pattern => {
    const escaped = pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*').replaceAll('?', '.')
    return new RegExp(`^${escaped}$`).test(text)
  })
}

function list<Item> (value: Item | readonly Item[]): readonly Item[] {
  return Array.isArray(value) ? value as readonly Item[] : [value as Item]
}
