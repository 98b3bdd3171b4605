/**
 * `RequestRateLimiter` with Spring's arguments, headers and statuses.
 *
 * Spring's default key is the principal's name, so that without a login every request is 403. Ours: the principal
 * when the route authenticated one, the peer's address when not. `key-resolver: "#{@name}"` names a plugin, or one of
 * the built-in `principal`, `address`, `certificate` (the client's, verified); `#{@header.x-name}` is a header.
 */
import type { Exchange, Reply } from '../exchange.ts'
import { nameOf } from '../security/client-certificate.ts'
import { clientNetwork } from '../security/networks.ts'
import { principalOf } from '../security/principal.ts'
import { refusal } from '../security/refusal.ts'
import type { BucketRule, Verdict } from '../rate-limit/token-bucket.ts'
import type { Args } from '../routes/args.ts'
import type { CompileContext } from '../routes/context.ts'
import type { FilterFactory } from '../routes/factory.ts'
import { reference, type KeyResolver } from '../routes/plugins.ts'
import { filterText } from './text.ts'

const VERDICT = 'RequestRateLimiter'

export const requestRateLimiter: FilterFactory = {
  name: 'RequestRateLimiter',
  fields: [],
  extra: ['redis-rate-limiter.*', 'rate-limiter', 'key-resolver', 'statusCode', 'deny-empty-key', 'empty-key-status',
    'emptyKeyStatusCode', 'throwOnLimit', 'routeId'],
  create (args, draft, context, order) {
    const { rateLimit } = context.options
    const rule = readRule(args, context)
    const keyOf = readKeyResolver(args, context)
    const limiter = args.optional('rate-limiter') === '#{@memory}'
      ? context.limiters.memory()
      : context.limiters.limiter(rateLimit)
    const status = args.status('statusCode', '429')
    const denyEmpty = args.boolean('deny-empty-key', rateLimit.denyEmptyKey)
    const emptyStatus = args.status('empty-key-status', String(rateLimit.emptyKeyStatus))
    const headers = rateLimit.includeHeaders
    const judge = (x: Exchange, verdict: Verdict): Reply | undefined => {
      const names = headers ? limitHeaders(rule, verdict) : []
      if (!verdict.allowed) {
        return refusal(x, status, [...names, ['retry-after', String(secondsUntil(rule, verdict))]])
      }
      if (headers) {
        x.attributes ??= new Map()
        x.attributes.set(VERDICT, verdict)
      }
      return undefined
    }
    return {
      name: 'RequestRateLimiter',
      order,
      ahead: true,
      request (x) {
        const key = keyOf(x)
        if (key === undefined || key === '') return denyEmpty ? refusal(x, emptyStatus) : undefined
        const verdict = limiter.take(draft.id, key, rule)
        return verdict instanceof Promise ? verdict.then(one => judge(x, one)) : judge(x, verdict)
      },
      response (x) {
        const verdict = x.attributes?.get(VERDICT) as Verdict | undefined
        if (verdict === undefined) return
        for (const [name, value] of limitHeaders(rule, verdict)) x.setResponseHeader(name, value)
      },
      toString: () => filterText('RequestRateLimiter', ['replenishRate', rule.replenishRate],
        ['burstCapacity', rule.burstCapacity], ['requestedTokens', rule.requestedTokens])
    }
  }
}

function readRule (args: Args, { options: { rateLimit } }: CompileContext): BucketRule {
  const replenishRate = args.integer('redis-rate-limiter.replenishRate', rateLimit.replenishRate, 1)
  const burstCapacity = args.integer('redis-rate-limiter.burstCapacity', rateLimit.burstCapacity ?? 1, 1)
  const requestedTokens = args.integer('redis-rate-limiter.requestedTokens', rateLimit.requestedTokens, 1)
  if (burstCapacity < replenishRate) {
    throw args.fail(`burstCapacity(${burstCapacity}) must be greater than or equal to replenishRate(${replenishRate})`)
  }
  return { replenishRate, burstCapacity, requestedTokens }
}

const BUILT_IN: Readonly<Record<string, KeyResolver>> = {
  principal: x => principalOf(x)?.name,
  principalNameKeyResolver: x => principalOf(x)?.name,
  certificate: x => x.clientCertificate === undefined ? undefined : nameOf(x.clientCertificate)
}

function readKeyResolver (args: Args, context: CompileContext): KeyResolver {
  const text = args.optional('key-resolver')
  const address: KeyResolver = x => clientNetwork(x.remoteAddress, context.options.rateLimit.ipv6PrefixLength)
  if (text === undefined) return x => principalOf(x)?.name ?? address(x)
  const header = /^#\{@header\.([\w-]+)\}$/.exec(text)?.[1]?.toLowerCase()
  if (header !== undefined) return x => x.header(header)
  const known = new Map([...Object.entries(BUILT_IN), ['address', address] as const, ...context.plugins.keyResolvers])
  return reference(text, known, 'RequestRateLimiter: key-resolver', args.origin)
}

function limitHeaders (rule: BucketRule, verdict: Verdict): Array<readonly [string, string]> {
  return [
    ['x-ratelimit-remaining', String(verdict.remaining)],
    ['x-ratelimit-replenish-rate', String(rule.replenishRate)],
    ['x-ratelimit-burst-capacity', String(rule.burstCapacity)],
    ['x-ratelimit-requested-tokens', String(rule.requestedTokens)]
  ]
}

function secondsUntil (rule: BucketRule, verdict: Verdict): number {
  return Math.max(1, Math.ceil((rule.requestedTokens - Math.max(0, verdict.remaining)) / rule.replenishRate))
}
