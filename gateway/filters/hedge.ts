/**
 * Ours: `Hedge` sends a GET or HEAD that takes long to a second instance too and passes on the answer that comes first.
 * `Hedge=150ms` after a fixed time, `Hedge` alone after the time in which 95 % of the route's calls are answered.
 * Hedges draw from the retry budget: no more than a fifth of the service's requests are sent twice, retries included.
 *
 * @example
 * - name: Hedge
 *   args: { percentile: 99, minDelay: 20ms }
 */
import type { FilterFactory } from '../routes/factory.ts'
import { fixedHedge, measuredHedge } from '../upstream/hedge-policy.ts'
import { filterText } from './text.ts'

export const hedge: FilterFactory = {
  name: 'Hedge',
  fields: ['delay'],
  extra: ['percentile', 'minDelay'],
  create (args, draft, context, order) {
    const { hedging } = context.options
    const fixedMs = args.has('delay') ? args.durationMs('delay') : undefined
    if (fixedMs === 0) throw args.fail('delay must be more than 0: every request would be sent twice')
    const percentile = args.number('percentile', hedging.percentile)
    const minDelayMs = args.durationMs('minDelay', `${hedging.minDelayMs}ms`)
    if (percentile < 50 || percentile >= 100) throw args.fail('percentile must be at least 50 and below 100')
    draft.hedge = fixedMs === undefined ? measuredHedge({ percentile, minDelayMs }) : fixedHedge(fixedMs)
    return {
      name: 'Hedge',
      order,
      toString: () => fixedMs === undefined
        ? filterText('Hedge', ['percentile', percentile], ['minDelay', `${minDelayMs}ms`])
        : filterText('Hedge', ['delay', `${fixedMs}ms`])
    }
  }
}
