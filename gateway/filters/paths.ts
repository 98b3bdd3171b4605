/** Filters that change the path sent upstream: StripPrefix, PrefixPath, RewritePath, SetPath. Never re-encoded. */
import type { Exchange } from '../exchange.ts'
import type { FilterFactory } from '../routes/factory.ts'
import { replaceAll } from '../regex/java-regex.ts'
import { pathTemplate } from '../routes/template.ts'
import { filterText } from './text.ts'

/** Drops the first segments; duplicate slashes collapse and a slash at the end stays, as in Spring. */
export const stripPrefix: FilterFactory = {
  name: 'StripPrefix',
  fields: ['parts'],
  create (args, _draft, _context, order) {
    const parts = args.integer('parts', 1)
    return {
      name: 'StripPrefix',
      order,
      request (x) { x.path = stripped(x.path, parts); return undefined },
      toString: () => filterText('StripPrefix', ['parts', parts])
    }
  }
}

/** The path without its first `parts` segments. */
export function stripped (path: string, parts: number): string {
  let at = 0
  for (let left = parts; left > 0 && at < path.length; left--) {
    while (path.charCodeAt(at) === SLASH) at++
    while (at < path.length && path.charCodeAt(at) !== SLASH) at++
  }
  const rest = path.slice(at)
  const clean = rest.includes('//') ? rest.replaceAll(/\/{2,}/g, '/') : rest
  return clean === '' ? '/' : clean
}

const SLASH = 47

/** Puts a prefix in front, once per request however often it is listed. */
export const prefixPath: FilterFactory = {
  name: 'PrefixPath',
  fields: ['prefix'],
  create (args, _draft, _context, order) {
    const prefix = pathTemplate(args.string('prefix'))
    return {
      name: 'PrefixPath',
      order,
      request (x) {
        if (x.attributes?.has(PREFIXED) === true) return undefined
        x.attributes ??= new Map()
        x.attributes.set(PREFIXED, true)
        x.path = prefix(x) + x.path
        return undefined
      },
      toString: () => filterText('PrefixPath', ['prefix', args.string('prefix')])
    }
  }
}

const PREFIXED = 'PrefixPath'

/** Java's `replaceAll` on the raw path; `$\{name}` stands for `${name}` because YAML would fill that in. */
export const rewritePath: FilterFactory = {
  name: 'RewritePath',
  fields: ['regexp', 'replacement'],
  create (args, _draft, _context, order) {
    const rewritten = args.parsed('regexp', text => replaceAll(text, args.string('replacement', '')))
    return {
      name: 'RewritePath',
      order,
      request (x) { x.path = rooted(rewritten(x.path)); return undefined },
      toString: () => filterText('RewritePath', [args.string('regexp'), args.string('replacement', '')])
    }
  }
}

/** A path from template variables. */
export const setPath: FilterFactory = {
  name: 'SetPath',
  fields: ['template'],
  create (args, _draft, _context, order) {
    const template = pathTemplate(args.string('template'))
    return {
      name: 'SetPath',
      order,
      request (x: Exchange) { x.path = rooted(template(x)); return undefined },
      toString: () => filterText('SetPath', ['template', args.string('template')])
    }
  }
}

/** A request line needs a path that begins with a slash. */
function rooted (path: string): string {
  return path.startsWith('/') ? path : `/${path}`
}
