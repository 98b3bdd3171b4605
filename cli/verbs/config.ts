/** `breakwater config get users [KEY]`: what the config server gives a service, and where each value comes from. */
import { askStack } from '../control/client.ts'
import { error } from '../errors.ts'
import { readWords } from '../flags.ts'
import { dataFolderOf, getJson, print, tableOf } from '../output.ts'
import { DATA_FLAG, JSON_FLAG, type Verb } from '../verb.ts'

const FLAGS = {
  profile: { type: 'string', value: 'NAMES', help: 'default: that of the stack' },
  label: { type: 'string', value: 'LABEL', help: 'a branch, a tag or a commit' },
  from: { type: 'string', value: 'COMMIT', help: 'diff: compared with this one' },
  to: { type: 'string', value: 'COMMIT', help: 'diff: default: what is served now' },
  data: DATA_FLAG, json: JSON_FLAG
} as const

interface Effective {
  readonly properties: ReadonlyArray<{ readonly key: string, readonly value: string | null, readonly origin: string }>
}

export const configVerb: Verb = {
  name: 'config', words: 'get|diff SERVICE [KEY]', flags: FLAGS,
  summary: 'what the config server gives a service, and from where',
  run: async (process, args) => {
    const { values, positionals: [what, service, key, ...more] } = readWords('config', args, FLAGS)
    if (service === undefined || (what !== 'get' && what !== 'diff') || more.length > 0) {
      throw error('E_USAGE', ['get or diff and a service are needed.'], { where: 'breakwater config' })
    }
    const stack = await askStack(dataFolderOf(values.data))
    const server = stack.processes.find(one => one.name === 'config-server')?.url
    if (server === undefined) throw error('E_NOT_UP', ['the config server'])
    const label = values.label?.replaceAll('/', '(_)')
    const path = [service, values.profile ?? stack.profile, ...(label === undefined ? [] : [label])]
    const asked = `${server}/_config/${what === 'get' ? 'effective' : 'diff'}/${path.map(encodeURIComponent).join('/')}`
    const query = new URLSearchParams(Object.entries({ from: values.from, to: values.to })
      .flatMap(([name, value]) => value === undefined ? [] : [[name, value]]))
    const answer = await getJson(query.size === 0 ? asked : `${asked}?${query}`)
    return print(process, values.json, answer, () =>
      what === 'get' ? effectiveText(answer as Effective, key) : `${JSON.stringify(answer, null, 2)}\n`)
  }
}

function effectiveText ({ properties }: Effective, key: string | undefined): string {
  const isAsked = (name: string) => key === undefined || name === key || name.startsWith(`${key}.`)
  const shown = properties.filter(one => isAsked(one.key))
  return tableOf(['KEY', 'VALUE', 'FROM'], shown.map(one => [one.key, one.value ?? '', one.origin]))
}
