/** What the gateway of the running stack says of its routes and breakers. */
import { askStack } from '../control/client.ts'
import { error } from '../errors.ts'
import { readFlags } from '../flags.ts'
import { cell, dataFolderOf, getJson, print, tableOf } from '../output.ts'
import { DATA_FLAG, JSON_FLAG, type Verb } from '../verb.ts'

const FLAGS = { data: DATA_FLAG, json: JSON_FLAG } as const

interface Row { readonly [field: string]: unknown }

export const gatewayVerbs: readonly Verb[] = [
  report('routes', 'the routes of the gateway, in the order in which they are tried', ['ROUTE', 'TO', 'WHEN'],
    row => [row['route_id'], row['uri'], row['predicate']]),
  report('breakers', 'the circuit breakers of the gateway', ['BREAKER', 'STATE', 'FAILED', 'CALLS'],
    row => [row['name'], row['state'], row['failures'], row['calls']])
]

function report (
  name: string, summary: string, headings: readonly string[], columns: (row: Row) => readonly unknown[]
): Verb {
  return {
    name, summary, flags: FLAGS,
    run: async (process, args) => {
      const { data, json } = readFlags(name, args, FLAGS)
      const stack = await askStack(dataFolderOf(data))
      const management = stack.processes.find(one => one.name === 'gateway')?.management
      if (management === undefined) throw error('E_NOT_UP', ['the gateway'])
      const rows = await getJson(`${management}/actuator/gateway/${name}`) as Row[]
      return print(process, json, rows, () => tableOf(headings, rows.map(row => columns(row).map(cell))))
    }
  }
}
