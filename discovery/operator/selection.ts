import type { Tree } from '../eureka/body.ts'
import type { Book } from '../registry/book.ts'
import { zoneOf, type Instance } from '../registry/instance.ts'

/** Names by which an operator picks instances, each with what it is compared with. */
const CONDITIONS = {
  app: (instance: Instance, value: string) => instance.app === value.toUpperCase(),
  id: (instance: Instance, value: string) => instance.id === value,
  host: ({ hostName, ipAddr }: Instance, value: string) =>
    hostName.toLowerCase() === value.toLowerCase() || ipAddr === value,
  zone: (instance: Instance, value: string) => zoneOf(instance) === value,
  version: ({ metadata }: Instance, value: string) => metadata.get('version') === value
} as const

export type Condition = keyof typeof CONDITIONS
export const CONDITION_NAMES = Object.keys(CONDITIONS) as Condition[]

/** Which instances are meant: those of which all that is said holds. */
export type Selection = Readonly<Partial<Record<Condition, string>>>

/** Longer than any id that would register. */
const MAX_VALUE = 4096

/** What a body or a query says of it; a text when that cannot be. Nothing said is an empty selection. */
export function selectionOf (raw: Tree): Selection | string {
  const unknown = Object.keys(raw).find(name => !Object.hasOwn(CONDITIONS, name))
  if (unknown !== undefined) return `"${unknown}" is none of ${CONDITION_NAMES.join(', ')}.`
  const wrong = Object.entries(raw).find(([, value]) => !isValue(value))
  return wrong === undefined ? raw as Selection : `"${wrong[0]}" must be a text of at most ${MAX_VALUE} characters.`
}

export function isSelected (instance: Instance, selection: Selection): boolean {
  return Object.entries(selection).every(([name, value]) => CONDITIONS[name as Condition](instance, value))
}

/** One application's are found without a look at all the others. */
export function select (book: Book, selection: Selection): Instance[] {
  const { app } = selection
  const leases = app === undefined ? book.leases() : book.apps.get(app.toUpperCase())?.leases.values() ?? []
  return [...leases].map(({ instance }) => instance).filter(instance => isSelected(instance, selection))
}

function isValue (value: unknown): boolean {
  return typeof value === 'string' && value !== '' && value.length <= MAX_VALUE
}
