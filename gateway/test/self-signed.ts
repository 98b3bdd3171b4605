/** Certificates of their own for tests, made by openssl. */
import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** For `t.test`: false where they can be made, else why not. */
export const skip = spawnSync('openssl', ['version']).status === 0 ? false : 'openssl is not installed'

export interface KeyPair {
  readonly key: Buffer
  readonly cert: Buffer
}

/** `names` as openssl writes them: `DNS:localhost,IP:127.0.0.1`. Writes both files, and gives what is in them. */
export function selfSigned (subject: string, names: string, keyFile: string, certFile: string): KeyPair {
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2',
    '-subj', `/CN=${subject}`, '-addext', `subjectAltName=${names}`, '-keyout', keyFile, '-out', certFile], { stdio: 'ignore' })
  return { key: readFileSync(keyFile), cert: readFileSync(certFile) }
}
