/** Filters that send the request to another absolute URI: SetRequestUri, RequestHeaderToRequestUri. */
import type { Exchange } from '../exchange.ts'
import type { FilterFactory } from '../routes/factory.ts'
import { pathTemplate } from '../routes/template.ts'
import { REQUEST_URI_ORDER } from './orders.ts'
import { filterText } from './text.ts'

/** The URI of a template; one that does not parse is ignored, as in Spring. */
export const setRequestUri: FilterFactory = {
  name: 'SetRequestUri',
  fields: ['template'],
  create (args) {
    const text = args.string('template')
    const [, base = '', rest = ''] = /^(https?:\/\/[^/{]*)(.*)$/i.exec(text) ?? []
    // A template for the host as well ({scheme}://{host}) would let the client choose the target.
    if (base === '') throw args.fail(`template "${text}" must begin with http(s) and a literal host`)
    const filled = pathTemplate(rest)
    return {
      name: 'SetRequestUri',
      order: REQUEST_URI_ORDER,
      request (x) { retarget(x, base + filled(x)); return undefined },
      toString: () => filterText('SetRequestUri', ['template', text])
    }
  }
}

/** The URI that a header names. Off unless `filter.request-header-to-request-uri.enabled` is true: SSRF. */
export const requestHeaderToRequestUri: FilterFactory = {
  name: 'RequestHeaderToRequestUri',
  fields: ['name'],
  create (args) {
    const name = args.string('name').toLowerCase()
    return {
      name: 'RequestHeaderToRequestUri',
      order: REQUEST_URI_ORDER,
      request (x) { retarget(x, x.header(name) ?? ''); return undefined },
      toString: () => filterText('RequestHeaderToRequestUri', ['name', args.string('name')])
    }
  }
}

function retarget (x: Exchange, uri: string): void {
  if (!/^https?:\/\//i.test(uri) || !URL.canParse(uri)) return
  const url = new URL(uri)
  if (url.username !== '' || url.password !== '') return
  x.upstreamUri = url.origin
  x.path = url.pathname
  if (url.search !== '') x.query = url.search.slice(1)
}
