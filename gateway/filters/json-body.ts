/** `RemoveJsonAttributesResponseBody=id,color,true`: drops attributes of a JSON answer, at its root or everywhere. */
import type { FilterFactory } from '../routes/factory.ts'
import { cutAttributes } from './json-cut.ts'
import { filterText } from './text.ts'

const MAX_BYTES = 4 * 1024 * 1024

export const removeJsonAttributesResponseBody: FilterFactory = {
  name: 'RemoveJsonAttributesResponseBody',
  fields: ['fieldList', 'deleteRecursively'],
  gather: 'list-tail-flag',
  create (args, _draft, _context, order) {
    const fields = new Set(args.list('fieldList'))
    const deep = args.boolean('deleteRecursively', false)
    return {
      name: 'RemoveJsonAttributesResponseBody',
      order,
      // Of a part of a document nothing can be cut: RFC 9110, 14.2 lets a server send the whole.
      request (x) { x.removeHeader('range'); return undefined },
      responseBody: {
        maxBytes: MAX_BYTES,
        wants: x => (x.responseHeader('content-type') ?? '').toLowerCase().startsWith('application/json'),
        transform: (_, body) => body.length === 0 ? body : cutAttributes(body, fields, deep)
      },
      toString: () => filterText('RemoveJsonAttributesResponseBody', ['fieldList', `[${[...fields].join(', ')}]`],
        ['deleteRecursively', deep])
    }
  }
}
