/**
 * What other commands may ask of a running stack, over a socket that only this user can open:
 *
 *   GET  /stack          its state and its processes
 *   POST /stop           ends it; answered when it has ended
 *   POST /kill           {name, signal}
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { json as readJson } from 'node:stream/consumers'
import { constants } from 'node:os'
import { error } from '../errors.ts'
import type { ProcessStatus } from '../supervisor/slot.ts'

export type StackState = 'STARTING' | 'READY' | 'STOPPING'

export interface StackView {
  readonly name: string
  readonly file: string
  readonly profile: string
  readonly pid: number
  readonly state: StackState
  readonly dataFolder: string
  readonly gateway: string | undefined
  readonly processes: readonly ProcessStatus[]
}

export interface Controlled {
  view (): StackView
  kill (name: string, signal: NodeJS.Signals): void
  stop (): Promise<void>
}

export async function serveControl (socket: string, stack: Controlled): Promise<Server> {
  const server = createServer((request, response) => {
    answer(request, stack).then(body => { send(response, 200, body) },
      (cause: unknown) => { send(response, 400, { error: String(cause) }) })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(socket, resolve)
  })
  return server.unref()
}

async function answer (request: IncomingMessage, stack: Controlled): Promise<object> {
  switch (`${request.method} ${request.url}`) {
    case 'GET /stack': return stack.view()
    case 'POST /stop':
      await stack.stop()
      return {}
    case 'POST /kill': {
      const { name, signal } = await readJson(request) as { name: string, signal: string }
      if (!Object.hasOwn(constants.signals, signal)) {
        throw error('E_USAGE', [`there is no signal "${signal}".`], { where: 'kill' })
      }
      stack.kill(name, signal as NodeJS.Signals)
      return {}
    }
    default: throw error('E_USAGE', [`${request.method} ${request.url} is not understood.`], { where: 'control' })
  }
}

function send (response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json', connection: 'close' }).end(JSON.stringify(body))
}
