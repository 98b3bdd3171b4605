/** Filters that end or restamp an answer: RedirectTo, SetStatus. */
import type { FilterFactory } from '../routes/factory.ts'
import { filterText } from './text.ts'

/** Ends the exchange with a Location. */
export const redirectTo: FilterFactory = {
  name: 'RedirectTo',
  fields: ['status', 'url', 'includeRequestParams'],
  create (args, _draft, _context, order) {
    const status = args.status('status')
    if (status < 300 || status > 399) throw args.fail(`status must be a 3xx code, but was ${status}`)
    const url = args.string('url')
    const withQuery = args.boolean('includeRequestParams', false)
    return {
      name: 'RedirectTo',
      order,
      request (x) {
        const query = withQuery && x.query !== '' ? `${url.includes('?') ? '&' : '?'}${x.query}` : ''
        return { status, headers: [['location', url + query]], body: '' }
      },
      toString: () => filterText('RedirectTo', [String(status), url], ['includeRequestParams', withQuery])
    }
  }
}

/** Another status on the upstream's answer, the original in the header of `set-status.original-status-header-name`. */
export const setStatus: FilterFactory = {
  name: 'SetStatus',
  fields: ['status'],
  create (args, _draft, context, order) {
    const status = args.status('status')
    const original = context.options.originalStatusHeader?.toLowerCase()
    return {
      name: 'SetStatus',
      order,
      response (x) {
        if (original !== undefined) x.setResponseHeader(original, `[${x.status}]`)
        x.status = status
      },
      toString: () => filterText('SetStatus', ['status', args.string('status')])
    }
  }
}
