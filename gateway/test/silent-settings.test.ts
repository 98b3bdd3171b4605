import { t } from 'tap'
import { gateway } from './harness.ts'

/** What the start warned of, each in one line. */
function warnings (log: readonly string[]): string[] {
  return log.map(line => JSON.parse(line) as { level: string, msg: string }).filter(({ level }) => level === 'warn').map(({ msg }) => msg)
}

t.test('a slip in the prefix is named, and so is a gateway without routes', async t => {
  const running = await gateway(t, `
spring.cloud.gatway.routes: [ { id: a, uri: "http://127.0.0.1:1", predicates: [ Path=/a ] } ]
`)
  const said = warnings(running.log).join('\n')
  t.match(said, /spring\.cloud\.gatway\.\S+ \(\S+:\d+\) has no effect: did you mean spring\.cloud\.gateway\?/)
  t.match(said, /there is no route/)
})

t.test('two routes with one id are named with the place of the second', async t => {
  const running = await gateway(t, `
spring.cloud.gateway.routes:
- { id: a, uri: "http://127.0.0.1:1", predicates: [ Path=/a ] }
- { id: a, uri: "http://127.0.0.1:1", predicates: [ Path=/b ] }
`)
  t.match(warnings(running.log).join('\n'), /application\.yml:\d+: there are two routes with the id "a"/)
})

t.test('what Spring reads and nobody here does is said, and what the gateway reads is not', async t => {
  const running = await gateway(t, `
spring.cloud.gateway.routes: [ { id: a, uri: "lb://a", predicates: [ Path=/a ], filters: [ CircuitBreaker=a ] } ]
eureka: { client: { healthcheck: { enabled: true } } }
resilience4j.circuitbreaker:
  configs.slow: { slow-call-rate-threshold: 50, ignore-exceptions: [ java.util.concurrent.TimeoutException ] }
  instances.a: { base-config: slow, failureRateThreshold: 40, automatic-transition-from-open-to-half-open-enabled: true, failureRateTreshold: 1 }
resilience4j.thread-pool-bulkhead.instances.a.core-thread-pool-size: 4
resilience4j.retry.instances.a.max-attempts: 3
spring.cloud.loadbalancer: { retry.enabled: true, clients.a: { configurations: health-check, health-check.interval: 5s } }
server.compression.enabled: true
spring.zipkin.base-url: http://z:9411
feign.client.config.default.read-timeout: 1000
`)
  const said = warnings(running.log)
  for (const key of ['eureka.client.healthcheck.enabled', 'automatic-transition', 'thread-pool-bulkhead', 'resilience4j.retry has no effect', 'spring.cloud.loadbalancer.retry.enabled',
    'server.compression.enabled', 'spring.zipkin.base-url', 'feign.client']) {
    t.equal(said.filter(line => line.includes(key)).length, 1, key)
  }
  t.match(said.join('\n'), /failureRateTreshold \(\S+; did you mean "\S+failure-rate-threshold"\?/i)
  t.notMatch(said.join('\n'), /slow-call|ignore-exceptions|base-config|health-check.interval/)
})
