import type { Logger } from 'pino'
import type { Instance } from '../registry/instance.ts'
import type { PeerHttp } from './peer-http.ts'
import { fetchOwnList, readRemoteList } from './remote-list.ts'

/**
 * Everything that the first answering peer knows, so that a registry that joins serves the whole list from its first
 * answer on. Empty when no peer answers: then this is the first of them.
 */
export async function fetchFromPeers (peers: readonly PeerHttp[], log: Logger | undefined): Promise<Instance[]> {
  for (const peer of peers) {
    try {
      const { status, body } = await fetchOwnList(peer, 'apps/')
      const entries = status === 200 ? readRemoteList(body).entries : []
      const instances = entries.filter(entry => !entry.gone).map(entry => entry.instance)
      if (instances.length === 0) continue
      log?.info({ peer: peer.url, instances: instances.length }, 'took over what a peer knows')
      return instances
    } catch (failure) {
      log?.info({ peer: peer.url, reason: (failure as Error).message }, 'no list from this peer')
    }
  }
  return []
}
