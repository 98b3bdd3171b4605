/**
 * SNS and SQS as AWS documents them, for what the two emulators let pass: each rule stands beside the title of the page
 * that states it. It speaks to the SDK over real sockets, and keeps the time of the clock that it is given.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { systemClock } from '../../clock.ts'
import { Account, type AccountOptions } from './account.ts'
import { AwsFault } from './fault.ts'
import { SNS_ACTIONS } from './sns.ts'
import { SQS_ACTIONS } from './sqs.ts'
import { jsonFault, readQuery, xmlAnswer, xmlFault } from './wire.ts'

export interface StrictAws {
  readonly endpoint: string
  readonly account: Account
  stop (): Promise<void>
}

interface Asked {
  readonly service: 'sns' | 'sqs'
  readonly action: string
  readonly input: Readonly<Record<string, unknown>>
}

export async function startStrictAws (options: Partial<AccountOptions> = {}): Promise<StrictAws> {
  const account = new Account({ clock: systemClock, ...options })
  const server = createServer((request, response) => { void serve(account, request, response) })
  await new Promise<void>(resolve => { server.listen(0, '127.0.0.1', resolve) })
  account.endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    endpoint: account.endpoint,
    account,
    stop: async () => {
      const closed = new Promise(resolve => { server.close(resolve) })
      server.closeAllConnections()
      await closed
    }
  }
}

async function serve (account: Account, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const asked = read(request, await textOf(request))
  await account.hooks.arrive(asked)
  const { status, body, code } = await answer(account, asked)
  if (account.hooks.cuts(asked.action)) return void request.socket.destroy()
  const type = asked.service === 'sns' ? 'text/xml' : 'application/x-amz-json-1.0'
  response.writeHead(status, { 'content-type': type, ...(code === undefined ? {} : { 'x-amzn-query-error': `${code};Sender` }) })
  response.end(body)
}

interface Answer { readonly status: number, readonly body: string, readonly code?: string }

async function answer (account: Account, { service, action, input }: Asked): Promise<Answer> {
  const does = (service === 'sns' ? SNS_ACTIONS : SQS_ACTIONS)[action]
  try {
    if (does === undefined) throw new AwsFault('InvalidAction', `The action ${action} is not known here.`)
    const result = await does(account, input as never)
    return { status: 200, body: service === 'sns' ? xmlAnswer(action, result) : JSON.stringify(result) }
  } catch (error) {
    const fault = error instanceof AwsFault ? error : new AwsFault('InternalFailure', String(error), 500)
    return { status: fault.status, body: service === 'sns' ? xmlFault(fault) : jsonFault(fault), code: fault.code }
  }
}

function read (request: IncomingMessage, text: string): Asked {
  const target = request.headers['x-amz-target']
  if (typeof target === 'string') {
    return { service: 'sqs', action: target.replace('AmazonSQS.', ''), input: JSON.parse(text || '{}') as Asked['input'] }
  }
  const { Action, ...input } = readQuery(text)
  return { service: 'sns', action: String(Action), input }
}

async function textOf (request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}
