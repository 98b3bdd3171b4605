/** Filters that change the query: AddRequestParameter, RemoveRequestParameter, RewriteRequestParameter. */
import type { FilterFactory } from '../routes/factory.ts'
import { queryValues, withoutParam, withParam } from '../routes/query.ts'
import { headerTemplate } from '../routes/template.ts'
import { filterText } from './text.ts'

/** Appends `name=value`; what a query may not carry is encoded, where Spring would answer 500. */
export const addRequestParameter: FilterFactory = {
  name: 'AddRequestParameter',
  fields: ['name', 'value'],
  create (args, _draft, _context, order) {
    const name = encodeQuery(args.string('name'))
    const value = headerTemplate(args.string('value'))
    return {
      name: 'AddRequestParameter',
      order,
      request (x) { x.query = withParam(x.query, `${name}=${encodeQuery(value(x))}`); return undefined },
      toString: () => filterText('AddRequestParameter', [args.string('name'), args.string('value')])
    }
  }
}

/** Drops a parameter; the bytes of the others stay. */
export const removeRequestParameter: FilterFactory = {
  name: 'RemoveRequestParameter',
  fields: ['name'],
  create (args, _draft, _context, order) {
    const name = args.string('name')
    return {
      name: 'RemoveRequestParameter',
      order,
      request (x) {
        if (x.query !== '') x.query = withoutParam(x.query, name)
        return undefined
      },
      toString: () => filterText('RemoveRequestParameter', ['name', name])
    }
  }
}

/** When the parameter is there, all its values become one, moved last. */
export const rewriteRequestParameter: FilterFactory = {
  name: 'RewriteRequestParameter',
  fields: ['name', 'replacement'],
  create (args, _draft, _context, order) {
    const name = args.string('name')
    const pair = `${encodeQuery(name)}=${encodeQuery(args.string('replacement'))}`
    return {
      name: 'RewriteRequestParameter',
      order,
      request (x) {
        if (queryValues(x.query, name).length > 0) x.query = withParam(withoutParam(x.query, name), pair)
        return undefined
      },
      toString: () => filterText('RewriteRequestParameter', ['name', name], ['replacement', args.string('replacement')])
    }
  }
}

/** What was already encoded stays; spaces, `&`, `#` and all beyond ASCII are encoded. */
function encodeQuery (text: string): string {
  return text.replaceAll(/[^\w.~!$'()*,;:@/?%=-]/gu, char => encodeURIComponent(char.toWellFormed()))
}
