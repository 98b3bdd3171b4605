/** Faults in how a process meets Consul, Kubernetes and the certificates of a cluster. */
import type { Mutant } from '../mutant.ts'

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
  }
]
