/**
 * `CircuitBreaker=name` or the full form with fallbackUri and statusCodes.
 *
 * The breaker itself stands in the route, not in the chain: the data plane asks it before the first try and tells it
 * how the exchange ended. Spring's hidden time limit of one second does not exist here; a limit is there when
 * `resilience4j.timelimiter` gives one. Routes that name the same breaker share it.
 */
import { parseStatus } from '../http-status.ts'
import type { FilterFactory } from '../routes/factory.ts'
import { pathTemplate } from '../routes/template.ts'
import { filterText } from './text.ts'

export const circuitBreaker: FilterFactory = {
  name: 'CircuitBreaker',
  fields: ['name'],
  extra: ['fallbackUri', 'statusCodes', 'resumeWithoutError', 'routeId'],
  create (args, draft, context, order) {
    const name = args.string('name', draft.id)
    const breaker = context.breakers.breaker(name, context.options.breakers)
    draft.breaker = breaker
    const limitMs = context.options.timeLimiters.instances[name] ?? context.options.timeLimiters.default
    if (limitMs > 0) draft.responseTimeoutMs = limitMs
    // Spring ignores what it cannot read as a status; so do we.
    const codes = args.list('statusCodes').map(parseStatus).filter(code => code !== undefined)
    draft.failureStatuses = codes.length === 0 ? null : new Set(codes)
    const fallback = args.optional('fallbackUri')
    if (fallback !== undefined) {
      if (!fallback.startsWith('forward:')) throw args.fail(`fallbackUri "${fallback}" must begin with forward:`)
      const target = pathTemplate(fallback.slice('forward:'.length).replace(/^\/*/, '/'))
      draft.fallback = x => {
        breaker.statistics.count('fallback', context.host.now())
        return target(x)
      }
    }
    return {
      name: 'CircuitBreaker',
      order,
      toString: () => filterText('CircuitBreaker', ['name', name], ['fallback', fallback ?? null])
    }
  }
}
