import { isTree, type Tree } from '../eureka/body.ts'
import { decodeInstance } from '../eureka/decode.ts'
import type { Instance } from '../registry/instance.ts'
import type { PeerCaller, PeerReply } from './calling.ts'

const NO_REGION = 'no-other-region'

/** One instance in another registry's list; `gone` when a delta says that it was removed. */
export interface RemoteEntry {
  readonly instance: Instance
  readonly gone: boolean
}

/** The list of another registry, or its delta. */
export interface RemoteList {
  /** Of the whole list, also in a delta; undefined when none was sent. */
  readonly hash: string | undefined
  readonly entries: readonly RemoteEntry[]
}

/**
 * What a registry has itself. Netflix's and Spring's show what is absent with them from their other regions, and taken
 * over from there it would be kept alive for ever by whoever shows it to whom; asked for a region that nobody knows,
 * they leave that out. They refuse while one of their regions has not answered yet: then it is what they show.
 */
export async function fetchOwnList (http: PeerCaller, path: 'apps/' | 'apps/delta'): Promise<PeerReply> {
  const reply = await http.call('GET', `${path}?regions=${NO_REGION}`)
  return reply.status === 403 ? http.call('GET', path) : reply
}

/** Old servers send one element instead of a list of one; what cannot be understood is left out. */
export function readRemoteList (body: string): RemoteList {
  const tree: unknown = JSON.parse(body)
  const applications = isTree(tree) && isTree(tree.applications) ? tree.applications : {}
  const entries = listOf(applications.application).flatMap(app => listOf(app.instance)).flatMap(raw => {
    const instance = decodeInstance(raw)
    return 'hostName' in instance ? [{ instance, gone: raw.actionType === 'DELETED' }] : []
  })
  const hash = applications.apps__hashcode
  return { hash: typeof hash === 'string' ? hash : undefined, entries }
}

function listOf (value: unknown): Tree[] {
  return [value].flat().filter(isTree)
}
