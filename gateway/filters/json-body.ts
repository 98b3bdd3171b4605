/** `RemoveJsonAttributesResponseBody=id,color,true`: drops attributes of a JSON answer, at its root or everywhere. */
import type { FilterFactory } from '../routes/factory.ts'
import { filterText } from './text.ts'

const MAX_BYTES = 4 * 1024 * 1024
const MAX_DEPTH = 200

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
      responseBody: {
        maxBytes: MAX_BYTES,
        wants: x => (x.responseHeader('content-type') ?? '').toLowerCase().startsWith('application/json'),
        transform: (_, body) => Buffer.from(JSON.stringify(without(JSON.parse(body.toString('utf8')), fields, deep, 0)))
      },
      toString: () => filterText('RemoveJsonAttributesResponseBody', ['fieldList', `[${[...fields].join(', ')}]`],
        ['deleteRecursively', deep])
    }
  }
}

function without (value: unknown, fields: ReadonlySet<string>, deep: boolean, depth: number): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (depth > MAX_DEPTH) throw new Error('nested too deep')
  if (Array.isArray(value)) return deep ? value.map(item => without(item, fields, deep, depth + 1)) : value
  const left: Record<string, unknown> = Object.create(null)
  for (const [name, item] of Object.entries(value)) {
    if (!fields.has(name)) left[name] = deep ? without(item, fields, deep, depth + 1) : item
  }
  return left
}
