import type { Logger } from 'pino'
import { isTree, type Tree } from '../eureka/body.ts'
import { decodeInstance } from '../eureka/decode.ts'
import type { Instance } from '../registry/instance.ts'
import type { PeerHttp } from './peer-http.ts'

/**
 * Everything that the first answering peer knows, so that a registry that joins serves the whole list from its first
 * answer on. Empty when no peer answers: then this is the first of them.
 */
export async function fetchFromPeers (peers: readonly PeerHttp[], log: Logger | undefined): Promise<Instance[]> {
  for (const peer of peers) {
    try {
      const { status, body } = await peer.call('GET', 'apps/')
      const instances = status === 200 ? readAll(JSON.parse(body)) : []
      if (instances.length === 0) continue
      log?.info({ peer: peer.url, instances: instances.length }, 'took over what a peer knows')
      return instances
    } catch (failure) {
      log?.info({ peer: peer.url, reason: (failure as Error).message }, 'no list from this peer')
    }
  }
  return []
}

/** Old servers send one element instead of a list of one; what cannot be understood is left out. */
function readAll (tree: unknown): Instance[] {
  const applications = isTree(tree) ? tree.applications : undefined
  const apps = isTree(applications) ? listOf(applications.application) : []
  return apps.flatMap(app => listOf(app.instance)).flatMap(raw => {
    const instance = decodeInstance(raw)
    return 'hostName' in instance && raw.actionType !== 'DELETED' ? [instance] : []
  })
}

function listOf (value: unknown): Tree[] {
  return [value].flat().filter(isTree)
}
