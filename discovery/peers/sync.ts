import type { Logger } from 'pino'
import type { Instance } from '../registry/instance.ts'
import type { PeerCaller } from './calling.ts'
import { fetchOwnList, readRemoteList } from './remote-list.ts'

/**
 * Everything that the first answering server without stamps shows, so that a registry that joins serves the whole list
 * from its first answer on. Empty when none answers.
 */
export async function fetchFromPeers (peers: readonly PeerCaller[], log: Logger | undefined): Promise<Instance[]> {
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
