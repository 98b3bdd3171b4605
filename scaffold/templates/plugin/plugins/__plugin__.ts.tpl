/** The filter {{Plugin}} for routes of the gateway: `filters: [ "{{Plugin}}=X-Name, value" ]`. */
import type { Plugin } from '@breakwater/gateway'

export const plugin: Plugin = {
  filters: [{
    name: '{{Plugin}}',
    fields: ['header', 'value'],
    create (args, _draft, _context, order) {
      const [header, value] = [args.string('header'), args.string('value')]
      return { name: '{{Plugin}}', order, response: x => { x.setResponseHeader(header, value) } }
    }
  }]
}
