/**
 * The filter of a subscription, which may only grow by itself: in a rolling deploy the older instances know fewer types
 * than the newer ones, and must not unsubscribe them.
 */
type Wanted = string | { readonly prefix?: string }
type FilterPolicy = Readonly<Record<string, readonly Wanted[]>>

/** The types that the filter stops. Without a list of types all pass. */
export function stopped (filter: string | undefined, types: readonly string[]): readonly string[] {
  const { type: wanted } = read(filter)
  return wanted === undefined ? [] : types.filter(type => !wanted.some(one => passes(one, type)))
}

/** The filter that lets these types pass as well; whatever else it says stays. */
export function wider (filter: string | undefined, types: readonly string[]): string {
  const { type: known = [], ...others } = read(filter)
  return JSON.stringify({ ...others, type: [...known, ...types.filter(type => !known.some(one => passes(one, type)))] })
}

/** Whether these types can be taken out of it: it lists types, and nothing else in the list lets them pass. */
export function canNarrow (filter: string | undefined, types: readonly string[]): boolean {
  const { type: wanted } = read(filter)
  return wanted !== undefined && !wanted.some(one => typeof one !== 'string' && types.some(type => passes(one, type)))
}

/** The filter without these types, undefined when nothing is left of it. */
export function narrower (filter: string | undefined, types: readonly string[]): string | undefined {
  const policy = read(filter)
  const left = (policy.type ?? []).filter(one => typeof one !== 'string' || !types.includes(one))
  return left.length === 0 ? undefined : JSON.stringify({ ...policy, type: left })
}

function read (filter: string | undefined): FilterPolicy {
  return JSON.parse(filter || '{}') as FilterPolicy
}

function passes (wanted: Wanted, type: string): boolean {
  if (typeof wanted === 'string') return wanted === type
  return wanted.prefix !== undefined && type.startsWith(wanted.prefix)
}
