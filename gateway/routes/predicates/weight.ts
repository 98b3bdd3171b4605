/**
 * `Weight=group, 8`: of the routes of a group one is drawn per request; the others do not fit it.
 *
 * The draw is one number per request and group, taken when the group's first predicate is asked, so that all of the
 * group's predicates agree. Shares are of the routes the table has now: Spring goes on drawing a deleted route.
 */
import type { PredicateFactory } from '../factory.ts'

export const weight: PredicateFactory = {
  name: 'Weight',
  fields: ['group', 'weight'],
  create (args, draft, context) {
    const group = args.string('group')
    const share = args.integer('weight', undefined, 0)
    const members = context.weights.join(group, draft.id, share)
    return {
      name: 'Weight',
      test: () => members.drawn() === draft.id,
      toString: () => `Weight: ${group} ${share}`
    }
  }
}
