/** Whether all say the same, and whether that is what was answered. */
import type { History } from '../simulation/registry/history.ts'
import type { Client } from './client.ts'
import type { View, Views } from './views.ts'

/** Two words closer than this may be taken in either order: a message takes as long on a busy machine. */
const MARGIN_MS = 1500
/** Of what differs, so much is named. */
const MAX_NAMED = 5

/** Instances that differ between two views, but for those left out. */
export function differences (mine: Views, theirs: Views, without: ReadonlySet<string>): string[] {
  const ids = new Set([...mine.keys(), ...theirs.keys()])
  return [...ids].filter(id => !without.has(id)).flatMap(id => {
    const [a, b] = [mine.get(id), theirs.get(id)]
    const [said, other] = [show(a, b), show(b, a)]
    return said === other ? [] : [`${id}: ${said} and ${other}`]
  })
}

/** As far as the other one says it, too. */
function show (view: View | undefined, other: View | undefined): string {
  if (view === undefined) return 'nothing'
  const { status, port, added, overridden, dirty } = view
  const whole = other !== undefined && (overridden === undefined || other.overridden === undefined)
    ? [status, port, added] : [status, port, added, overridden, dirty]
  return whole.join(',')
}

/** RIGHT: who lives is there as it is, who is gone is gone, and nothing that was answered is undone. */
export function checkRight (clients: readonly Client[], list: Views, history: History): string[] {
  return clients.flatMap(client => {
    const view = list.get(client.id)
    if (!client.up) return view === undefined ? [] : [`GONE ${client.id} is there`]
    if (view === undefined) return [`THERE ${client.id} is missing`]
    return [
      ...checkContent(client, view), ...checkOverride(client, view, history), ...checkMetadata(client, view, history)
    ]
  })
}

export function some (all: readonly string[]): string[] {
  return all.length <= MAX_NAMED ? [...all] : [...all.slice(0, MAX_NAMED), `... and ${all.length - MAX_NAMED} more`]
}

function checkContent (client: Client, { port, dirty }: View): string[] {
  if (port === client.port && dirty === client.dirty) return []
  return [`CONTENT ${client.id} has port ${port} of ${dirty}, its client ${client.port} of ${client.dirty}`]
}

function checkOverride (client: Client, { status, overridden }: View, history: History): string[] {
  const value = overridden === 'UNKNOWN' ? 'none' : overridden!
  const undone = checkWord(`override ${client.id}`, value, history)
  const isShown = value === 'none' || client.status !== 'UP' || status === value
  return isShown ? undone : [...undone, `STATUS ${client.id} is ${status} in spite of ${value}`]
}

/** A registration ends what was added before it. */
function checkMetadata (client: Client, { added }: View, history: History): string[] {
  const key = `metadata ${client.id}`
  const last = history.of(key).filter(word => word.to !== undefined && !word.void).at(-1)
  if (last === undefined) return []
  const isEnded = client.registrations.some(({ to }) => to === undefined || to > last.from - MARGIN_MS)
  return added === undefined && isEnded ? [] : checkWord(key, added ?? 'none', history)
}

function checkWord (key: string, value: string, history: History): string[] {
  if (!history.isFirm(key)) return []
  const possible = history.possible(key, MARGIN_MS)
  return possible.has(value) ? [] : [`UNDONE ${key} is ${value}, not ${[...possible].join(' or ')}`]
}
