/**
 * `Retry`: Spring's arguments, and what Spring lacks: another instance, a budget, a time for each try, and a bound on
 * the body that is kept for replay.
 *
 * @example
 * - name: Retry
 *   args: { retries: 2, statuses: BAD_GATEWAY, methods: "GET,HEAD", perTryTimeout: 300ms, maxBodyBytes: 64KB }
 */
import { parseStatus } from '../http-status.ts'
import type { Args } from '../routes/args.ts'
import type { FilterFactory } from '../routes/factory.ts'
import { retryPolicy, type Backoff } from '../upstream/retry-policy.ts'
import { FAILURE_KINDS } from './failure-names.ts'
import { filterText } from './text.ts'

const SERIES: Readonly<Record<string, number>> = {
  INFORMATIONAL: 1, SUCCESSFUL: 2, REDIRECTION: 3, CLIENT_ERROR: 4, SERVER_ERROR: 5
}

export const retry: FilterFactory = {
  name: 'Retry',
  fields: ['retries', 'statuses', 'methods', 'backoff.firstBackoff', 'backoff.maxBackoff', 'backoff.factor',
    'backoff.basedOnPreviousValue', 'jitter.randomFactor', 'timeout'],
  extra: ['series', 'exceptions', 'perTryTimeout', 'maxBodyBytes', 'name', 'routeId'],
  create (args, draft, context, order) {
    const retries = args.integer('retries', 3)
    const methods = args.hasList('methods') ? args.list('methods') : ['GET']
    const statuses = statusSet(args)
    draft.retry = retryPolicy({
      retries,
      methods: new Set(methods),
      statuses,
      exceptions: exceptionSet(args),
      maxBodyBytes: args.bytes('maxBodyBytes', '64KB'),
      perTryTimeoutMs: args.durationMs('perTryTimeout', '0'),
      totalTimeoutMs: args.durationMs('timeout', '0'),
      backoff: readBackoff(args)
    }, context.clusters.budgetOf(draft.definition.uri), () => context.host.random())
    return {
      name: 'Retry',
      order,
      toString: () => filterText('Retry', ['retries', retries],
        ['statuses', `[${[...statuses].join(', ')}]`], ['methods', `[${methods.join(', ')}]`])
    }
  }
}

function statusSet (args: Args): Set<number> {
  const statuses = new Set<number>()
  for (const text of args.list('statuses')) {
    const code = parseStatus(text)
    if (code === undefined) throw args.fail(`statuses: "${text}" is no status`)
    statuses.add(code)
  }
  for (const name of args.hasList('series') ? args.list('series') : ['SERVER_ERROR']) {
    const hundred = SERIES[name.toUpperCase()]
    if (hundred === undefined) throw args.fail(`series: "${name}" must be one of ${Object.keys(SERIES).join(', ')}`)
    for (let code = hundred * 100; code < hundred * 100 + 100; code++) statuses.add(code)
  }
  return statuses
}

function exceptionSet (args: Args): Set<string> {
  const names = args.hasList('exceptions') ? args.list('exceptions') : ['IOException', 'TimeoutException']
  return new Set(names.flatMap(name => {
    const kinds = FAILURE_KINDS[(name.split('.').at(-1) ?? '').toLowerCase()]
    if (kinds === undefined) throw args.fail(`exceptions: "${name}" is none that can happen here (IOException, TimeoutException)`)
    return kinds
  }))
}

function readBackoff (args: Args): Backoff | undefined {
  const given = ['firstBackoff', 'maxBackoff', 'factor', 'basedOnPreviousValue'].some(key => args.has(`backoff.${key}`))
  const jitter = args.has('jitter.randomFactor') ? args.number('jitter.randomFactor', 0.5) : 0
  if (jitter < 0 || jitter > 1) throw args.fail('jitter.randomFactor must be between 0 and 1')
  if (!given) return undefined
  return {
    firstMs: args.durationMs('backoff.firstBackoff', '5ms'),
    maxMs: args.has('backoff.maxBackoff') ? args.durationMs('backoff.maxBackoff') : Number.POSITIVE_INFINITY,
    factor: args.number('backoff.factor', 2),
    basedOnPrevious: args.boolean('backoff.basedOnPreviousValue', true),
    jitter
  }
}
