/** Every command, in the order of the overview. */
import { readFlags } from '../flags.ts'
import { STACK_SCHEMA } from '../stack-file/schema.ts'
import { UP_FLAGS } from '../options.ts'
import { JSON_FLAG, OK, type Verb } from '../verb.ts'
import { addVerb } from './add.ts'
import { callVerb } from './call.ts'
import { configVerb } from './config.ts'
import { doctorVerb } from './doctor.ts'
import { gatewayVerbs } from './gateway-reports.ts'
import { logsVerb } from './logs.ts'
import { messagingVerbs } from './messaging-reports.ts'
import { registryVerb } from './registry.ts'
import { SERVER_VERBS } from './servers.ts'
import { downVerb, killVerb, psVerb, waitVerb } from './stack.ts'
import { tokenVerb } from './token.ts'

const upVerb: Verb = {
  name: 'up', summary: 'the whole stack of this folder as processes; what "npm start" runs', flags: UP_FLAGS,
  // What registers and supervises is not loaded by who only asks for help.
  run: async (process, args) => (await import('../up.ts')).up(process, args)
}

const AFFECTED_FLAGS = { since: { type: 'string', value: 'REF', help: 'compared with this commit' }, json: JSON_FLAG } as const

const affectedVerb: Verb = {
  name: 'affected', summary: 'what a change makes necessary to deploy', flags: AFFECTED_FLAGS,
  run: async (process, args) => (await import('../affected.ts')).affected(process, readFlags('affected', args, AFFECTED_FLAGS))
}

const schemaVerb: Verb = {
  name: 'schema', summary: 'the JSON Schema of breakwater.yml, for editors', flags: {},
  run: async (process, args) => {
    readFlags('schema', args, {})
    process.stdout.write(`${JSON.stringify(STACK_SCHEMA, null, 2)}\n`)
    return OK
  }
}

export const VERBS: readonly Verb[] = [
  upVerb, addVerb, downVerb, psVerb, logsVerb, waitVerb, callVerb, killVerb, configVerb, ...gatewayVerbs,
  ...messagingVerbs, registryVerb, tokenVerb, doctorVerb, schemaVerb, ...SERVER_VERBS, affectedVerb
]
