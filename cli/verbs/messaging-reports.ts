/** Dead letters and sagas over all services of the running stack. */
import { askStack } from '../control/client.ts'
import type { StackView } from '../control/server.ts'
import { readFlags } from '../flags.ts'
import { cell, dataFolderOf, getJson, print, tableOf } from '../output.ts'
import { PLATFORM_NAMES } from '../stack-file/names.ts'
import { DATA_FLAG, JSON_FLAG, type Verb } from '../verb.ts'

const PLATFORM: ReadonlySet<string> = new Set(PLATFORM_NAMES)

const FLAGS = { data: DATA_FLAG, json: JSON_FLAG } as const

interface Item { readonly service: string, readonly [field: string]: unknown }

export const messagingVerbs: readonly Verb[] = [
  report('dlq', 'messages that no service could handle', '/internal/dlq', ['SERVICE', 'ID', 'TYPE', 'AT', 'ERROR'],
    item => [item.service, item['id'], item['type'], time(item['at']), item['error']]),
  report('sagas', 'the sagas of all services', '/internal/sagas',
    ['SERVICE', 'TYPE', 'SUBJECT', 'STATE', 'SINCE', 'STUCK'],
    item => [item.service, item['type'], item['subject'], item['state'], time(item['movedAt']),
      item['stuck'] === true ? 'stuck' : ''])
]

function report (
  name: string, summary: string, path: string, headings: readonly string[],
  columns: (item: Item) => readonly unknown[]
): Verb {
  return {
    name, summary, flags: FLAGS,
    run: async (process, args) => {
      const { data, json } = readFlags(name, args, FLAGS)
      const items = await itemsOf(await askStack(dataFolderOf(data)), path)
      return print(process, json, items, () => tableOf(headings, items.map(item => columns(item).map(cell))))
    }
  }
}

/** Of each service once: its copies share what they have. The platform's own parts have no messages. */
async function itemsOf (stack: StackView, path: string): Promise<Item[]> {
  const up = stack.processes.filter(({ state, service }) => state === 'UP' && !PLATFORM.has(service))
  const services = new Map(up.map(one => [one.service, one]))
  const lists = await Promise.all([...services].map(async ([service, { url }]) =>
    listIn(await getJson(`${url}${path}`).catch(() => undefined)).map(item => ({ ...item, service }))))
  return lists.flat()
}

/** Who has no such page, or another one under its name, has none of it. */
function listIn (answer: unknown): object[] {
  const { items } = (answer ?? {}) as { items?: unknown }
  return Array.isArray(items) ? items as object[] : []
}

function time (at: unknown): string {
  return typeof at === 'number' ? new Date(at).toISOString() : cell(at)
}
