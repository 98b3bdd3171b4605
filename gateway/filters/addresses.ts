/** Ours: `AllowAddresses=10.0.0.0/8` and `DenyAddresses=10.1.2.3`: 403 by the peer's address. */
import type { FilterFactory } from '../routes/factory.ts'
import { networkList } from '../security/networks.ts'
import { refusal } from '../security/refusal.ts'
import { ADDRESSES_ORDER } from './orders.ts'
import { filterText } from './text.ts'

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
        order: ADDRESSES_ORDER,
        request: x => networks.has(x.remoteAddress) === refused ? refusal(x, 403) : undefined,
        toString: () => filterText(name, ['sources', `[${sources.join(', ')}]`])
      }
    }
  }
}
