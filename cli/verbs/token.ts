/** `breakwater token`: what administers the servers of this machine. */
import { readFlags } from '../flags.ts'
import type { Verb } from '../verb.ts'

export const tokenVerb: Verb = {
  name: 'token', summary: 'the token of this machine, which administers its servers while breakwater.security.mode is not set',
  flags: {},
  run: async (process, args) => {
    readFlags('token', args, {})
    return (await import('../token.ts')).token(process)
  }
}
