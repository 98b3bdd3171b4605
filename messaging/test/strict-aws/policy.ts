/** Whether the policies that this bus writes let a topic send to a queue; no more of IAM than that. */

interface Statement {
  readonly Effect: string
  readonly Principal?: string | Readonly<Record<string, string | string[]>>
  readonly Action: string | string[]
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string | string[]>>>>
}

export function lets (policy: string | undefined, topicArn: string): boolean {
  if (!policy) return false
  const { Statement: statements } = JSON.parse(policy) as { Statement: Statement[] }
  return statements.some(statement => statement.Effect === 'Allow' && isSns(statement) && maySend(statement) &&
    fulfils(statement, topicArn))
}

const list = (value: string | string[] | undefined): string[] => value === undefined ? [] : [value].flat()

function isSns ({ Principal }: Statement): boolean {
  return typeof Principal === 'string' ? Principal === '*' : list(Principal?.Service).includes('sns.amazonaws.com')
}

function maySend ({ Action }: Statement): boolean {
  return list(Action).some(action => ['sqs:sendmessage', 'sqs:*'].includes(action.toLowerCase()))
}

function fulfils ({ Condition = {} }: Statement, topicArn: string): boolean {
  return Object.entries(Condition).every(([operator, keys]) => /^Arn(Equals|Like)$/.test(operator) &&
    Object.entries(keys).every(([key, values]) => key.toLowerCase() === 'aws:sourcearn' &&
      list(values).some(value => like(value, topicArn))))
}

function like (pattern: string, text: string): boolean {
  const escaped = pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*').replaceAll('?', '.')
  return new RegExp(`^${escaped}$`).test(text)
}
