/**
 * /actuator/hystrix.stream: the breakers as the Hystrix dashboard reads them, every half second.
 *
 * The dashboard's script throws on a missing key, so every key it asks for is here (HystrixMetricsPoller).
 */
import { percentile, type StatisticsSnapshot } from '../upstream/rolling-statistics.ts'
import type { BreakerReport } from '../routes/reports.ts'

/** One event's data for one breaker. */
export function hystrixCommand (report: BreakerReport, nowMs: number): object {
  const { statistics, settings } = report
  const n = (name: string) => statistics.counts[name] ?? 0
  const errors = n('failure') + n('timeout') + n('shortCircuited') + n('bulkhead')
  const requests = errors + n('success')
  const completed = n('success') + n('failure') + n('timeout')
  const mean = completed === 0 ? 0 : Math.round(statistics.latencySumMs / completed)
  const latency = latencies(statistics)
  return {
    type: 'HystrixCommand',
    name: report.name,
    group: 'gateway',
    currentTime: nowMs,
    isCircuitBreakerOpen: report.state === 'OPEN',
    errorPercentage: requests === 0 ? 0 : Math.round(errors * 100 / requests),
    errorCount: errors,
    requestCount: requests,
    ...ROLLING_ZEROES,
    rollingCountFailure: n('failure'),
    rollingCountFallbackSuccess: n('fallback'),
    rollingCountSemaphoreRejected: n('bulkhead'),
    rollingCountShortCircuited: n('shortCircuited'),
    rollingCountSuccess: n('success'),
    rollingCountTimeout: n('timeout'),
    currentConcurrentExecutionCount: report.active,
    rollingMaxConcurrentExecutionCount: report.active,
    latencyExecute_mean: mean,
    latencyExecute: latency,
    latencyTotal_mean: mean,
    latencyTotal: latency,
    ...properties(settings.minimumNumberOfCalls, settings.waitDurationInOpenStateMs, settings.failureRateThreshold),
    propertyValue_executionIsolationSemaphoreMaxConcurrentRequests: report.limit,
    reportingHosts: 1,
    threadPool: 'gateway'
  }
}

function latencies ({ latencies: classes }: StatisticsSnapshot): Record<string, number> {
  return Object.fromEntries([0, 25, 50, 75, 90, 95, 99, 99.5,
    100].map(p => [String(p), Math.round(percentile(classes, p))]))
}

const ROLLING_ZEROES = {
  rollingCountBadRequests: 0,
  rollingCountCollapsedRequests: 0,
  rollingCountEmit: 0,
  rollingCountExceptionsThrown: 0,
  rollingCountFallbackEmit: 0,
  rollingCountFallbackFailure: 0,
  rollingCountFallbackMissing: 0,
  rollingCountFallbackRejection: 0,
  rollingCountResponsesFromCache: 0,
  rollingCountThreadPoolRejected: 0
}

function properties (volume: number, sleepMs: number, percent: number): object {
  return {
    propertyValue_circuitBreakerRequestVolumeThreshold: volume,
    propertyValue_circuitBreakerSleepWindowInMilliseconds: sleepMs,
    propertyValue_circuitBreakerErrorThresholdPercentage: percent,
    propertyValue_circuitBreakerForceOpen: false,
    propertyValue_circuitBreakerForceClosed: false,
    propertyValue_circuitBreakerEnabled: true,
    propertyValue_executionIsolationStrategy: 'SEMAPHORE',
    propertyValue_executionIsolationThreadTimeoutInMilliseconds: 0,
    propertyValue_executionTimeoutInMilliseconds: 0,
    propertyValue_executionIsolationThreadInterruptOnTimeout: false,
    propertyValue_executionIsolationThreadPoolKeyOverride: null,
    propertyValue_fallbackIsolationSemaphoreMaxConcurrentRequests: 0,
    propertyValue_metricsRollingStatisticalWindowInMilliseconds: 10_000,
    propertyValue_requestCacheEnabled: false,
    propertyValue_requestLogEnabled: false
  }
}
