/** Ours: `AllowAddresses=10.0.0.0/8` and `DenyAddresses=10.1.2.3`: 403 by the peer's address. */
import type { FilterFactory } from '../routes/factory.ts'
import { networkList } from '../security/networks.ts'
import { refusal } from '../security/refusal.ts'
import { filterText } from './text.ts'

/** Before everything else a route does. */
const ORDER = -1_000

export const allowAddresses = addressFilter('AllowAddresses', false)

export const denyAddresses = addressFilter('DenyAddresses', true)

function addressFilter (name: string, refused: boolean): FilterFactory {
  return {
    name,
    fields: ['sources'],
    gather: 'list',
    create (args) {
      const sources = args.list('sources')
      const networks = args.parsed('sources', () => networkList(sources), sources.join(','))
      return {
        name,
        order: ORDER,
        request: x => networks.has(x.remoteAddress) === refused ? refusal(x, 403) : undefined,
        toString: () => filterText(name, ['sources', `[${sources.join(', ')}]`])
      }
    }
  }
}
