/**
 * Which values must never be shown, and what is left of the others. Rather one too many than one too few: whoever needs
 * to see one knows where it stands.
 */
import { CIPHER } from './cipher-prefix.ts'
import { maskWithin } from './secret-text.ts'

const ANYWHERE = new RegExp('passw|passphrase|passcode|secret|credential|private[-_.]?key|api[-_.]?key|access[-_.]?key' +
  '|vcap[_.]?services|connection[-_]?string', 'i')
/** Of one part of a name. */
const AT_END = /(?:key|keys|token|tokens|pwd|authorization|cookie|jaas-?config|signature)$|^(?:pass|sig|sas|dsn|auth)$/i

/** What is shown instead of a secret; Spring's actuator uses the same. */
export const MASK = '******'

/** Whether what stands under this key, or below it, is a secret and must not reach logs, errors or /actuator/env. */
export function isSecretKey (key: string): boolean {
  return ANYWHERE.test(key) || key.split(/[.[\]]/).some(part => AT_END.test(part))
}

/** The value as it may be shown: of a secret nothing, of others what is no secret within them. */
export function maskValue (key: string, value: string): string {
  return isSecretKey(key) || value.startsWith(CIPHER) ? MASK : maskWithin(value, isSecretKey, MASK)
}
