/**
 * Ours: `AdaptiveConcurrency` bounds the calls in flight of a route by what its upstream turns out to bear; the rest is
 * refused with 503 (or the fallback) at once. What the arguments leave open stands under
 * `breakwater.gateway.adaptive-concurrency`.
 *
 * @example
 * - name: AdaptiveConcurrency
 *   args: { initialLimit: 20, minLimit: 10, maxLimit: 200, tolerance: 1.5 }
 */
import type { FilterFactory } from '../routes/factory.ts'
import { filterText } from './text.ts'

export const adaptiveConcurrency: FilterFactory = {
  name: 'AdaptiveConcurrency',
  fields: ['initialLimit', 'minLimit', 'maxLimit', 'tolerance'],
  create (args, draft, context, order) {
    const { adaptive } = context.options
    const options = {
      initialLimit: args.integer('initialLimit', adaptive.initialLimit, 1),
      minLimit: args.integer('minLimit', adaptive.minLimit, 1),
      maxLimit: args.integer('maxLimit', adaptive.maxLimit, 1),
      tolerance: args.number('tolerance', adaptive.tolerance)
    }
    const { initialLimit, minLimit, maxLimit, tolerance } = options
    if (minLimit > initialLimit || initialLimit > maxLimit) {
      throw args.fail(`minLimit(${minLimit}), initialLimit(${initialLimit}) and maxLimit(${maxLimit}) must rise in this order`)
    }
    if (tolerance < 1) throw args.fail('tolerance must be at least 1: answers as fast as usual are no overload')
    draft.adaptive = options
    return {
      name: 'AdaptiveConcurrency',
      order,
      toString: () => filterText('AdaptiveConcurrency', ['minLimit', minLimit], ['maxLimit', maxLimit])
    }
  }
}
