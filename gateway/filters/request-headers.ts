/** Filters that edit request headers: Add, AddIfNotPresent, Set, Remove, Map, and the two for Host. */
import type { FilterFactory } from '../routes/factory.ts'
import { headerTemplate } from '../routes/template.ts'
import { filterText } from './text.ts'

/** Appends a value. */
export const addRequestHeader: FilterFactory = {
  name: 'AddRequestHeader',
  fields: ['name', 'value'],
  create (args, _draft, _context, order) {
    const name = args.string('name')
    const value = headerTemplate(args.string('value'))
    const key = name.toLowerCase()
    return {
      name: 'AddRequestHeader',
      order,
      request (x) { x.addHeader(key, value(x)); return undefined },
      toString: () => filterText('AddRequestHeader', [name, args.string('value')])
    }
  }
}

/** `name:value, ...`: added when the header is absent or all its values are blank; a repeated name adds several. */
export const addRequestHeadersIfNotPresent: FilterFactory = {
  name: 'AddRequestHeadersIfNotPresent',
  fields: ['keyValues'],
  gather: 'list',
  create (args, _draft, _context, order) {
    const values = new Map<string, Array<ReturnType<typeof headerTemplate>>>()
    for (const pair of args.list('keyValues')) {
      const at = pair.indexOf(':')
      if (at <= 0) throw args.fail(`"${pair}" is not name:value`)
      const key = pair.slice(0, at).trim().toLowerCase()
      const list = values.get(key) ?? []
      values.set(key, [...list, headerTemplate(pair.slice(at + 1).trim())])
    }
    return {
      name: 'AddRequestHeadersIfNotPresent',
      order,
      request (x) {
        for (const [key, templates] of values) {
          if (x.headerValues(key).some(value => value.trim() !== '')) continue
          x.removeHeader(key)
          for (const value of templates) x.addHeader(key, value(x))
        }
        return undefined
      },
      toString: () => filterText('AddRequestHeadersIfNotPresent', ['keyValues', `[${args.list('keyValues').join(', ')}]`])
    }
  }
}

/** Replaces all values by one. */
export const setRequestHeader: FilterFactory = {
  name: 'SetRequestHeader',
  fields: ['name', 'value'],
  create (args, _draft, _context, order) {
    const name = args.string('name')
    const value = headerTemplate(args.string('value'))
    const key = name.toLowerCase()
    return {
      name: 'SetRequestHeader',
      order,
      request (x) { x.setHeader(key, value(x)); return undefined },
      toString: () => filterText('SetRequestHeader', [name, args.string('value')])
    }
  }
}

/** Drops a header. */
export const removeRequestHeader: FilterFactory = {
  name: 'RemoveRequestHeader',
  fields: ['name'],
  create (args, _draft, _context, order) {
    const key = args.string('name').toLowerCase()
    return {
      name: 'RemoveRequestHeader',
      order,
      request (x) { x.removeHeader(key); return undefined },
      toString: () => filterText('RemoveRequestHeader', ['name', args.string('name')])
    }
  }
}

/** Appends all values of one header to another; nothing when it is absent. */
export const mapRequestHeader: FilterFactory = {
  name: 'MapRequestHeader',
  fields: ['fromHeader', 'toHeader'],
  create (args, _draft, _context, order) {
    const from = args.string('fromHeader').toLowerCase()
    const to = args.string('toHeader').toLowerCase()
    return {
      name: 'MapRequestHeader',
      order,
      request (x) {
        for (const value of x.headerValues(from)) x.addHeader(to, value)
        return undefined
      },
      toString: () =>
        filterText('MapRequestHeader', ['fromHeader', args.string('fromHeader')], ['toHeader', args.string('toHeader')])
    }
  }
}

/** Sends a Host of one's own choice. */
export const setRequestHostHeader: FilterFactory = {
  name: 'SetRequestHostHeader',
  fields: ['host'],
  create (args, _draft, _context, order) {
    const host = headerTemplate(args.string('host'))
    return {
      name: 'SetRequestHostHeader',
      order,
      request (x) { x.upstreamHost = host(x); return undefined },
      toString: () => filterText('SetRequestHostHeader', ['host', args.string('host')])
    }
  }
}

/** Sends the client's Host instead of the instance's. */
export const preserveHostHeader: FilterFactory = {
  name: 'PreserveHostHeader',
  fields: [],
  create: (_args, _draft, _context, order) => ({
    name: 'PreserveHostHeader',
    order,
    request (x) { x.upstreamHost = x.host; return undefined },
    toString: () => filterText('PreserveHostHeader')
  })
}
