import type { Agent } from 'undici'
import { BreakwaterError } from '../errors.ts'
import { parseEnvironment } from './environment.ts'
import type { RemoteEnvironment } from './environment.ts'
import { configError } from './errors.ts'
import type { ConfigClientOptions, ConfigServerAddress } from './options.ts'
import { environmentPath, getText, requestHeaders } from './server-request.ts'
import type { ServerAnswer } from './server-request.ts'

/** One successful reading: what was said, by whom, and the text for the last known configuration. */
export interface FetchedEnvironment {
  readonly environment: RemoteEnvironment
  readonly text: string
  readonly etag: string | undefined
  readonly server: ConfigServerAddress
  readonly label: string
}

/** Asks the servers for the first label that exists, as Spring's client does; throws when nobody has one. */
export async function fetchEnvironment (
  agent: Agent, options: ConfigClientOptions, servers: readonly ConfigServerAddress[], state: string | undefined,
  signal: AbortSignal
): Promise<FetchedEnvironment> {
  for (const label of options.labels) {
    const found = await fetchLabel(agent, options, servers, label, state, signal)
    if (found !== undefined) return found
  }
  const labels = options.labels.filter(label => label !== '')
  const what = labels.length === 0 ? '404' : `404: none of the labels [${labels.join(', ')}] exists`
  throw configError('E_CONFIG_SERVER_STATUS', [what], { where: servers.map(server => server.url).join(', ') })
}

/** Undefined when the server that counts says 404: the next label is tried. */
async function fetchLabel (
  agent: Agent, options: ConfigClientOptions, servers: readonly ConfigServerAddress[], label: string,
  state: string | undefined, signal: AbortSignal
): Promise<FetchedEnvironment | undefined> {
  const path = environmentPath(options, label)
  for (const [index, server] of servers.entries()) {
    const isLast = index === servers.length - 1
    const answer = await ask(agent, server.url + path, requestHeaders(options, server, state), signal, isLast)
    if (answer?.status === 200) {
      const environment = parseEnvironment(answer.text, server.url + path)
      return { environment, text: answer.text, etag: answer.etag, server, label }
    }
    if (answer === undefined || (!isLast && options.strategy === 'always')) continue
    if (answer.status === 404) return undefined
    throw configError('E_CONFIG_SERVER_STATUS', [`${answer.status}${messageOf(answer)}`], { where: server.url + path })
  }
  return undefined
}

/** A server that cannot be reached counts only when it is the last one. */
async function ask (
  agent: Agent, url: string, headers: Record<string, string>, signal: AbortSignal, isLast: boolean
): Promise<ServerAnswer | undefined> {
  try {
    return await getText(agent, url, headers, signal)
  } catch (cause) {
    if (!isLast && !signal.aborted) return undefined
    throw configError('E_CONFIG_SERVER_STATUS', [`nothing (${reason(cause)})`], { where: url, cause })
  }
}

/** Why something failed, in short: our own errors say it themselves, those of the system by their code. */
export function reason (failure: unknown): string {
  if (failure instanceof BreakwaterError) return failure.message.replace(/\.$/, '')
  const { code, message } = failure as { code?: unknown, message?: unknown }
  return typeof code === 'string' ? code : String(message)
}

/** A server may say in its body why it failed; no more than a line of it is shown. */
function messageOf (answer: ServerAnswer): string {
  try {
    const body = JSON.parse(answer.text) as { message?: unknown, detail?: unknown, error?: unknown }
    const texts = [body.message, body.detail, body.error].filter(part => typeof part === 'string')
    const text = texts.find(part => part !== '')
    return text === undefined ? '' : `: ${text.slice(0, 200)}`
  } catch {
    return ''
  }
}
