import { UP_FLAGS } from '../options.ts'
import type { Verb } from '../verb.ts'

export const doctorVerb: Verb = {
  name: 'doctor', summary: 'what "up" with the same options would start, why, and whether it can', flags: UP_FLAGS,
  run: async (process, args) => (await import('../doctor.ts')).doctor(process, args)
}
