/** `breakwater token`: prints what administers the servers of this machine, for curl and for the browser's question. */
import { adminToken, defaultTokenFile } from '@breakwater/starter/security'

/** The file is the default one, or that of `BREAKWATER_SECURITY_ADMINTOKENFILE`; it is made when there is none. */
export async function token ({ env, stdout }: NodeJS.Process): Promise<number> {
  stdout.write(`${await adminToken(env['BREAKWATER_SECURITY_ADMINTOKENFILE'] ?? defaultTokenFile())}\n`)
  return 0
}
