/** Faults in how a process meets Consul, Kubernetes and the certificates of a cluster. */
import type { Mutant } from '../mutant.ts'

const CONSUL = ['starter/test/consul-odd.test.ts']
const KUBERNETES = ['deploy/test/kubernetes-discovery.test.ts']
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
  },
  {
    id: 'kubernetes-first-port',
    package: 'starter',
    breaks: 'a port for metrics is never called by accident',
    file: 'starter/discovery/kubernetes-ports.ts',
    from: 'ports.filter(({ name }) => !NOT_FOR_CALLERS.test(name ?? \'\'))',
    to: 'ports',
    seenBy: KUBERNETES
  },
  {
    id: 'kubernetes-no-h2c',
    package: 'starter',
    breaks: 'appProtocol says that HTTP/2 is spoken',
    file: 'starter/discovery/kubernetes-slices.ts',
    from: "if (port.http2 !== undefined) metadata['http2'] = String(port.http2)",
    to: 'void port',
    seenBy: KUBERNETES
  },
  {
    id: 'kubernetes-old-label',
    package: 'starter',
    breaks: 'a slice that is given to another Service leaves the first',
    file: 'starter/discovery/kubernetes.ts',
    from: 'if (before !== undefined) this.#slices.get(before)?.delete(key)',
    to: 'void before',
    seenBy: KUBERNETES
  },
  {
    id: 'kubernetes-busy-watch',
    package: 'starter',
    breaks: 'watches that end at once are asked for less and less often',
    file: 'starter/discovery/kubernetes-reflector.ts',
    from: 'delayMs(health.failures++, random)',
    to: 'delayMs(0, random)',
    seenBy: KUBERNETES
  },
  {
    id: 'kubernetes-own-namespace',
    package: 'starter',
    breaks: 'a name that says our own namespace is the same Service',
    file: 'starter/discovery/service-name.ts',
    from: 'namespace: space === namespace ? undefined : space }',
    to: 'namespace: space }',
    seenBy: KUBERNETES
  }
]
