/** Which values must never be shown, by their key in any spelling; rather one too many than one too few. */
const SECRET = new RegExp('passw|passphrase|secret|credential|private[-_.]?key|api[-_.]?key|access[-_.]?key|vcap[_.]?services' +
  '|(?:key|keys|token|tokens|pwd|authorization|cookie|jaas-?config)(?:\\[\\d+\\])*$', 'i')

/** What is shown instead of a secret; Spring's actuator uses the same. */
export const MASK = '******'

/** Whether the value under this key is a secret and must not reach logs, errors or /actuator/env. */
export function isSecretKey (key: string): boolean {
  return SECRET.test(key)
}
