/** Faults of the gateway's filters, cache, bodies and patterns. */
import type { Mutant } from '../mutant.ts'

const SPRING = ['gateway/test/spring-answers.test.ts']
const CACHE = ['gateway/test/cache.test.ts']
const VALIDATION = ['gateway/test/cache-validation.test.ts']
const CUT = ['gateway/test/json-cut.test.ts']
const BODY = ['gateway/test/json-body.test.ts']
const BODIES = ['gateway/test/bodies.test.ts']
const REGEX = ['gateway/test/java-regex.test.ts']
const SAID = ['gateway/test/said-at-start.test.ts']

type Fault = readonly [id: string, breaks: string, file: string, from: string, to: string, seenBy: readonly string[]]

const FAULTS: readonly Fault[] = [
  ['filters-forwards', 'the filter listed first sees the answer last', 'routes/compile-table.ts', 'undefined).toReversed().toSorted((a, b) => place(b) - place(a))',
    'undefined).toSorted((a, b) => place(a) - place(b))', SPRING],
  ['filters-defaults-first', 'default and route filters are merged by number', 'routes/compile-table.ts',
    '\n    .toSorted((a, b) => a.order - b.order)\n', '\n', ['gateway/test/routes.test.ts']],
  ['filters-cors-last', 'filters see the fields of CORS', 'filters/cors.ts', '    ahead: true,\n', '    ahead: false, onReplies: true,\n', SPRING],
  ['filters-reply-edited', 'a reply of a filter is final', 'gateway.ts', 'reply.isUpstreams === true ? responseFilters : replyFilters',
    'responseFilters', SPRING],
  ['filters-hit-plain', 'a hit passes the response filters', 'gateway.ts', 'reply.isUpstreams === true ? responseFilters : replyFilters',
    'replyFilters', CACHE],
  ['filters-cors-no-vary', 'caches learn that the answer depends on the origin', 'filters/cors.ts', 'x.attributes.set(KEY, NO_FIELDS)', '', SPRING],
  ['filters-empty-field', 'a field without a value is as good as none', 'routes/predicates/header.ts', '.some(value => value !== \'\')', '.length > 0', SPRING],
  ['cache-kind', 'two ways may know different callers by one name', 'cache/cache-key.ts', 'principal?.kind, ', '', CACHE],
  ['cache-caller', 'nobody gets what another caller was answered', 'cache/cache-key.ts', 'principal?.kind, principal?.name', 'principal?.kind', CACHE],
  ['cache-plugins', 'what plugins make of a request counts', 'cache/cache-key.ts', 'hasPlugins ? ', 'hasPlugins && id === \'\' ? ', CACHE],
  ['cache-target', 'another target gives another answer', 'cache/cache-key.ts', 'x.upstreamUri, ', '', CACHE],
  ['cache-no-cache', 'an answer that must be asked for anew is not kept', 'cache/freshness.ts', 'directives.has(\'no-cache\') ? 0 : ', '', CACHE],
  ['cache-age', 'the age of an answer is reckoned in', 'cache/freshness.ts', 'shared ?? own ?? rules.ttl) - age', 'shared ?? own ?? rules.ttl)', CACHE],
  ['cache-told-more', 'a client is never told more than the service gave', 'cache/freshness.ts', 'Math.min(fresh, (own ?? Infinity) - age)', 'fresh', CACHE],
  ['cache-shared', 's-maxage has the word in a shared cache', 'cache/freshness.ts', 'shared ?? own ?? rules.ttl', 'own ?? shared ?? rules.ttl', CACHE],
  ['cache-expires-clock', 'Expires is reckoned by the clock of the service', 'cache/freshness.ts', 'Number.isNaN(date) ? nowSeconds : date / 1_000', 'nowSeconds', CACHE],
  ['cache-reload', 'a reload asks the service', 'cache/freshness.ts',
    'if (directives.has(\'no-cache\') || directives.has(\'no-store\')) return undefined', '', CACHE],
  ['cache-304-body', 'an answer that still holds is answered whole', 'filters/local-response-cache.ts',
    'return miss.isConditional ? this.#revalidated(x, miss, miss.stale) : undefined', 'return undefined', VALIDATION],
  ['cache-304-anyone', 'a 304 about what the caller has is the caller\'s', 'filters/local-response-cache.ts', 'miss.isConditional ? ', 'miss.lease >= 0 ? ', VALIDATION],
  ['cache-304-news', 'a 304 says anew for how long', 'cache/validation.ts', ', ...news.filter(([name]) => replaced.has(name))', '', VALIDATION],
  ['cache-own-tag', 'the caller\'s tag is not ours', 'filters/local-response-cache.ts', 'x.removeHeader(name)\n', 'x.header(name)\n', VALIDATION],
  ['cache-weak', 'a weak tag is as good as a strong one here', 'cache/validation.ts', 'tag.replace(/^W\\//, \'\')', 'tag', VALIDATION],
  ['cache-stale-forbidden', 'who forbids stale answers is not stood in for', 'cache/freshness.ts', '\'proxy-revalidate\', \'s-maxage\', ', '', VALIDATION],
  ['cache-stale-for-ever', 'a stale answer stands in for a while only', 'filters/local-response-cache.ts', ' && this.#now() < miss.stale.failingMs', '', VALIDATION],
  ['cache-no-answer', 'it stands in where there was no answer at all', 'gateway.ts', 'if (insteadFilter !== undefined && this.hasInstead(x, x.route, undefined))', 'if (insteadFilter === null)', VALIDATION],
  ['cache-write-kept', 'a write ends what was kept of its path', 'filters/local-response-cache.ts', 'this.#context.responseCache.forget(selection)\n', '', VALIDATION],
  ['cache-write-failed', 'a write that failed ends nothing', 'filters/local-response-cache.ts', 'x.status >= 400 || ', '', VALIDATION],
  ['cache-late-keep', 'what was asked for before is not kept after', 'cache/selection.ts', 'return askedMs <= ', 'return askedMs < 0 && askedMs <= ', ['gateway/test/cache-owner.test.ts']],
  ['cache-other-loops', 'all event loops hear of a write', 'control-loop.ts', ' || topic === \'outdated\'', '', ['gateway/test/one-cache.test.ts']],
  ['json-escaped-name', 'a name spelt with escapes is that name', 'filters/json-cut.ts', 'nameOf(this.#text.slice(start, this.#at))',
    'this.#text.slice(start + 1, this.#at - 1)', CUT],
  ['json-comma-stays', 'the comma goes with its attribute', 'filters/json-cut.ts', 'this.cuts.push([comma, this.#at])', 'this.cuts.push([comma + 1, this.#at])', CUT],
  ['json-within-cut', 'nothing is cut within what is cut', 'filters/json-cut.ts', 'live && this.#deep && !goes', 'live && this.#deep', CUT],
  ['json-range', 'of a part of a document nothing can be cut', 'filters/json-body.ts', 'x.removeHeader(\'range\'); ', '', BODY],
  ['body-bomb', 'a decompression bomb ends at the limit', 'content-coding.ts', '{ maxOutputLength: maxBytes }', '{}', [...BODY, ...BODIES]],
  ['body-digest', 'what is said of the bytes goes with them', 'transformations.ts', 'if (!current.equals(body))', 'if (codings.length > 9)', BODY],
  ['body-asked-plain', 'a request leaves without the coding it came in', 'transformations.ts', 'drop(x, \'content-encoding\')', '', BODIES],
  ['body-order', 'codings are taken off in reverse', 'content-coding.ts', 'decoders.toReversed()', 'decoders', BODY],
  ['regex-intersection', 'a class may be an intersection', 'regex/parse.ts', 'intersection(whole, part)', 'union(whole, part)', REGEX],
  ['regex-possessive', 'a possessive quantifier gives nothing back', 'regex/parse.ts', 'return { kind: \'atomic\', body: repeat }', 'return repeat', REGEX],
  ['regex-backtracks', 'no pattern takes more than linear time', 'regex/explosion.ts', 'return runsAgain(row) ||', 'return', REGEX],
  ['regex-restarts', 'a search does not run through the same text again', 'regex/explosion.ts', ' || (anywhere && !isAnchored(tree) && restarts(row))', '', REGEX],
  ['regex-groups-shift', 'groups that the translation adds do not count', 'regex/java-regex.ts', 'String(groups[part])', 'String(part)', REGEX],
  ['args-surplus', 'what has no effect is said', 'routes/args.ts', 'this.surplus.push(value)', 'void value', SAID],
  ['args-said-twice', 'it is said once', 'routes/compile.ts', '!this.#said.has(message) && ', '', SAID],
  ['names-lower', 'names are shown as they are written', '../starter/discovery/fixed.ts', 'serviceId: service,', 'serviceId: service.toLowerCase(),', SAID]
]

export const GATEWAY_FILTERS: readonly Mutant[] = FAULTS.map(([id, breaks, file, from, to, seenBy]) => ({
  id, package: 'gateway', breaks, file: file.startsWith('../') ? file.slice(3) : `gateway/${file}`, from, to, seenBy
}))
