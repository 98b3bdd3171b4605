/** Faults in how a process meets Consul, Kubernetes and the certificates of a cluster. */
import type { Mutant } from '../mutant.ts'

const CONSUL = ['starter/test/consul-odd.test.ts']
const LOG_SAFETY = ['starter/test/log-safety.test.ts']

export const CLOUDS: readonly Mutant[] = [
  {
    id: 'error-as-it-is',
    package: 'starter',
    breaks: 'an error of a library is told by its known fields only',
    file: 'starter/logger.ts',
    from: '    serializers: { err: describeError },\n',
    to: '',
    seenBy: LOG_SAFETY
  },
  {
    id: 'error-in-another-field',
    package: 'starter',
    breaks: 'errors in other fields of a line pass the same place',
    file: 'starter/logger.ts',
    from: ', log: withErrors }',
    to: ' }',
    seenBy: LOG_SAFETY
  },
  {
    id: 'lines-unmasked',
    package: 'starter',
    breaks: 'credentials are taken out of a password with a slash in it',
    file: 'starter/settings/mask.ts',
    from: 'return isPlainHost ? whole :',
    to: 'return isPlainHost || authority !== \'\' ? whole :',
    seenBy: LOG_SAFETY
  },
  {
    id: 'consul-without-limiter',
    package: 'starter',
    breaks: 'a Consul that answers at once is not asked in a hurry',
    file: 'starter/consul/blocking-query.ts',
    from: '    this.#left = Math.max(0, this.#left - 1)',
    to: '    this.#left = Math.max(1, this.#left - 1)',
    seenBy: CONSUL
  },
  {
    id: 'consul-index-believed',
    package: 'starter',
    breaks: 'an agent that was away is asked from the beginning',
    file: 'starter/consul/blocking-query.ts',
    from: '      index = 0n\n      query.onFailure(failure)',
    to: '      query.onFailure(failure)',
    seenBy: CONSUL
  },
  {
    id: 'consul-any-page',
    package: 'starter',
    breaks: 'a page without an index is no answer of Consul',
    file: 'starter/consul/blocking-query.ts',
    from: "throw new Error('an answer without X-Consul-Index: is this Consul?')",
    to: 'return 1n',
    seenBy: CONSUL
  },
  {
    id: 'consul-own-questions',
    package: 'starter',
    breaks: 'three hundred services take a handful of connections',
    file: 'starter/consul/service-follower.ts',
    from: 'export const OWN_QUESTIONS = 2',
    to: 'export const OWN_QUESTIONS = 2_000',
    seenBy: CONSUL
  },
  {
    id: 'consul-sick-passes',
    package: 'starter',
    breaks: 'a sick service registers as sick',
    file: 'starter/discovery/consul/consul-registration.ts',
    from: "return answer.status >= 500 ? 'critical' : 'passing'",
    to: "return 'passing'",
    seenBy: CONSUL
  }
]
