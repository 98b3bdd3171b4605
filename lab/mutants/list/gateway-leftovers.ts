/** What one request, one event loop or one instance leaves for the next. */
import type { Mutant } from '../mutant.ts'

type Fault = readonly [id: string, breaks: string, file: string, from: string, to: string, ...seenBy: string[]]

const FAULTS: readonly Fault[] = [
  ['left-variables', 'a candidate that did not match leaves no variables', 'routes/table.ts',
    'if (allHold(route, x)) return route\n      x.variables = null', 'if (allHold(route, x)) return route', 'routes'],
  ['left-host', 'the Host that a filter set is of one request', 'http1/exchange.ts', '    this.upstreamHost = undefined\n', '', 'one-connection'],
  ['left-uri', 'the target that a filter set is of one request', 'http1/exchange.ts', '    this.upstreamUri = undefined\n', '', 'one-connection'],
  ['left-attributes', 'what a filter remembers is of one request', 'http1/exchange.ts', '    this.attributes = null\n', '', 'one-connection'],
  ['left-failure', 'a failure is of one request', 'http1/exchange.ts', '    this.failure = undefined\n', '', 'one-connection'],
  ['upload-unpaused', 'an upload over HTTP/2 stands still while nobody reads it', 'http2/bridge.ts', 'if (!room) stream.pause()', '', 'bridge'],
  ['left-gauges', 'what a loop that is no more had is not counted', 'workers/threaded-data-plane.ts', '), gauges: {} }', ') }', 'dying-loops'],
  ['told-ejections', 'loops together leave out no more than permitted', 'upstream/cluster.ts',
    'if (reason !== \'connect\' && !this.#mayEject()) return\n    this.#leaveOut(instance, reason, nowMs)\n    this.#events.ejected(this, instance, reason, true)',
    'this.#leaveOut(instance, reason, nowMs)\n    this.#events.ejected(this, instance, reason, true)', 'cluster'],
  ['fallback-origin', 'a fallback answers by the rules of the request\'s own route', 'redirections.ts', '    x.head.lines.remove(\'origin\')\n', '', 'cors'],
  ['late-filter', 'a filter of a request that is over decides nothing', 'gateway.ts', 'if (x.serial !== serial || !x.active) return', 'if (!x.active) return', 'one-connection'],
  ['calls-of-the-dead', 'who asks a loop that ends is told at once', 'workers/thread.ts', '      this.failCalls(new Error(\'the worker ended\'))\n', '', 'dying-loops']
]

export const GATEWAY_LEFTOVERS: readonly Mutant[] = FAULTS.map(([id, breaks, file, from, to, ...seenBy]) => ({
  id, package: 'gateway', breaks, file: `gateway/${file}`, from, to, seenBy: seenBy.map(name => `gateway/test/${name}.test.ts`)
}))
