/** Which services a new answer of `health/state/any` tells of, against the last one. Pure. */

/** The key of checks that belong to a node and so to each service on it. */
const NODES = ''

interface Check {
  readonly Node?: unknown
  readonly CheckID?: unknown
  readonly Status?: unknown
  readonly ServiceID?: unknown
  readonly ServiceName?: unknown
}

/** By the lower-case name of the service: its checks in words. Throws when the answer is no list. */
export function checksByService (body: unknown): ReadonlyMap<string, string> {
  if (!Array.isArray(body)) throw new Error('the checks are no list: is this Consul?')
  const words = new Map<string, string>()
  for (const check of body as ReadonlyArray<Check | null>) {
    const name = typeof check?.ServiceName === 'string' ? check.ServiceName.toLowerCase() : NODES
    words.set(name, `${words.get(name) ?? ''}${wordsOf(check ?? {})}\n`)
  }
  return words
}

/** The output of a check is no change, its status and its place are. */
function wordsOf ({ Node, CheckID, Status, ServiceID }: Check): string {
  return [Node, ServiceID, CheckID, Status].map(String).join(' ')
}

/** Lower-case names, or all of them: a node that came, went or fell ill has services that its checks do not name. */
export function changedServices (before: ReadonlyMap<string, string>, now: ReadonlyMap<string, string>): ReadonlySet<string> | 'all' {
  if (before.get(NODES) !== now.get(NODES)) return 'all'
  const names = [...new Set([...before.keys(), ...now.keys()])]
  return new Set(names.filter(name => before.get(name) !== now.get(name)))
}
