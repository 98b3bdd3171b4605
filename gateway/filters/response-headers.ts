/** Filters that edit response headers: Add, Set, Remove, Dedupe, Rewrite, RewriteLocation. */
import type { FilterFactory } from '../routes/factory.ts'
import { fullMatch, replaceAll } from '../regex/java-regex.ts'
import { headerTemplate } from '../routes/template.ts'
import { filterText } from './text.ts'

/** Appends a value; with `override=false` only when the header is absent or blank. */
export const addResponseHeader: FilterFactory = {
  name: 'AddResponseHeader',
  fields: ['name', 'value', 'override'],
  create (args, _draft, _context, order) {
    const name = args.string('name')
    const key = name.toLowerCase()
    const value = headerTemplate(args.string('value'))
    const append = args.boolean('override', true)
    return {
      name: 'AddResponseHeader',
      order,
      response (x) {
        if (append) x.addResponseHeader(key, value(x))
        else if ((x.responseHeader(key) ?? '').trim() === '') x.setResponseHeader(key, value(x))
      },
      toString: () => filterText('AddResponseHeader', [name, args.string('value')], ['override', append])
    }
  }
}

/** Replaces all values by one. */
export const setResponseHeader: FilterFactory = {
  name: 'SetResponseHeader',
  fields: ['name', 'value'],
  create (args, _draft, _context, order) {
    const name = args.string('name')
    const key = name.toLowerCase()
    const value = headerTemplate(args.string('value'))
    return {
      name: 'SetResponseHeader',
      order,
      response (x) { x.setResponseHeader(key, value(x)) },
      toString: () => filterText('SetResponseHeader', [name, args.string('value')])
    }
  }
}

/** Drops a header. */
export const removeResponseHeader: FilterFactory = {
  name: 'RemoveResponseHeader',
  fields: ['name'],
  create (args, _draft, _context, order) {
    const key = args.string('name').toLowerCase()
    return {
      name: 'RemoveResponseHeader',
      order,
      response (x) { x.removeResponseHeader(key) },
      toString: () => filterText('RemoveResponseHeader', ['name', args.string('name')])
    }
  }
}

const STRATEGIES = ['RETAIN_FIRST', 'RETAIN_LAST', 'RETAIN_UNIQUE'] as const

/** Of several values keeps the first, the last, or each once: for CORS headers that two servers set. */
export const dedupeResponseHeader: FilterFactory = {
  name: 'DedupeResponseHeader',
  fields: ['name', 'strategy'],
  create (args, _draft, _context, order) {
    const keys = args.string('name').toLowerCase().split(/\s+/).filter(Boolean)
    const strategy = args.choice('strategy', STRATEGIES, 'RETAIN_FIRST')
    return {
      name: 'DedupeResponseHeader',
      order,
      response (x) {
        for (const key of keys) {
          const values = x.responseHeaderValues(key)
          if (values.length < 2) continue
          const kept = retained(values, strategy)
          x.removeResponseHeader(key)
          for (const value of kept) x.addResponseHeader(key, value)
        }
      },
      toString: () => filterText('DedupeResponseHeader', [args.string('name'), strategy])
    }
  }
}

function retained (values: readonly string[], strategy: typeof STRATEGIES[number]): string[] {
  if (strategy === 'RETAIN_UNIQUE') return [...new Set(values)]
  return [(strategy === 'RETAIN_FIRST' ? values[0] : values.at(-1)) ?? '']
}

/** Regex replacement in each value. */
export const rewriteResponseHeader: FilterFactory = {
  name: 'RewriteResponseHeader',
  fields: ['name', 'regexp', 'replacement'],
  create (args, _draft, _context, order) {
    const key = args.string('name').toLowerCase()
    const rewritten = args.parsed('regexp', text => replaceAll(text, args.string('replacement', '')))
    return {
      name: 'RewriteResponseHeader',
      order,
      response (x) {
        const values = x.responseHeaderValues(key).map(rewritten)
        if (values.length === 0) return
        x.removeResponseHeader(key)
        for (const value of values) x.addResponseHeader(key, value)
      },
      toString: () => filterText('RewriteResponseHeader', ['name', args.string('name')],
        ['regexp', args.string('regexp')], ['replacement', args.string('replacement', '')])
    }
  }
}

const STRIP_VERSION = ['NEVER_STRIP', 'AS_IN_REQUEST', 'ALWAYS_STRIP'] as const

/** Makes an upstream's Location point back at the gateway, its `/v2` prefix dropped as asked. */
export const rewriteLocationResponseHeader: FilterFactory = {
  name: 'RewriteLocationResponseHeader',
  fields: ['stripVersion', 'locationHeaderName', 'hostValue', 'protocols'],
  create (args, _draft, _context, order) {
    const strip = args.choice('stripVersion', STRIP_VERSION, 'AS_IN_REQUEST')
    const key = args.string('locationHeaderName', 'Location').toLowerCase()
    const host = args.optional('hostValue')
    const protocols = args.string('protocols', 'https?|ftps?')
    const absolute = args.parsed('protocols', text => fullMatch(`(?<scheme>(?:${text})://)[^/?#]+(?<version>/v\\d+)?(?<rest>(?:[/?#].*)?)`), protocols)
    const groups = ['scheme', 'version', 'rest'].map(name => absolute.names.get(name)!)
    return {
      name: 'RewriteLocationResponseHeader',
      order,
      response (x) {
        const location = x.responseHeader(key)
        if (location === undefined) return
        const parts = absolute.exec(location)
        // As in Spring one is left of several, even if it stays as it is.
        if (parts === null) return x.setResponseHeader(key, location)
        const [scheme = '', version = '', rest = ''] = groups.map(group => parts[group])
        const dropped = strip === 'ALWAYS_STRIP' || (strip === 'AS_IN_REQUEST' && !/^\/v\d+(\/|$)/.test(x.rawPath))
        x.setResponseHeader(key, `${scheme}${host ?? x.host}${dropped ? '' : version}${rest}`)
      },
      toString: () => filterText('RewriteLocationResponseHeader', ['stripVersion', strip])
    }
  }
}
