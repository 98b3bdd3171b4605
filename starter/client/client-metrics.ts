/** `http_client_requests_seconds` and `resilience4j_circuitbreaker_*` under Micrometer's names. */
import { labelText, outcomeOf, TimerCells } from '../actuator/timer-cells.ts'
import type { Breaker, BreakerState } from './breaker.ts'

const STATES: readonly BreakerState[] = ['closed', 'open', 'half_open']

/** One per process, for all called services. */
export class ClientMetrics {
  readonly #cells = new TimerCells('http_client_requests_seconds', 'Duration of HTTP client calls, each try counted')
  readonly #breakers: Breaker[] = []

  addBreaker (breaker: Breaker): void {
    this.#breakers.push(breaker)
  }

  /** One try; `status` 0 when there was no answer, and then `error` says why. */
  observe (service: string, method: string, status: number, error: string, elapsedMs: number): void {
    this.#cells.observe(`${service} ${method} ${status} ${error}`, () =>
      `client_name="${labelText(service)}",error="${error}",exception="${error}",method="${labelText(method)}",` +
      `outcome="${outcomeOf(status)}",status="${status === 0 ? 'CLIENT_ERROR' : status}",uri="none"`, elapsedMs)
  }

  /** Prometheus text. */
  render (): string {
    const states = this.#breakers.flatMap(breaker => STATES.map(state =>
      `resilience4j_circuitbreaker_state{name="${labelText(breaker.name)}",state="${state}"} ${breaker.state === state ? 1 : 0}`))
    const refused = this.#breakers.map(breaker =>
      `resilience4j_circuitbreaker_not_permitted_calls_total{kind="not_permitted",name="${labelText(breaker.name)}"} ${breaker.refused}`)
    return [this.#cells.render().trimEnd(),
      '# HELP resilience4j_circuitbreaker_state The states of the circuit breaker', '# TYPE resilience4j_circuitbreaker_state gauge', ...states,
      '# HELP resilience4j_circuitbreaker_not_permitted_calls_total The number of not permitted calls',
      '# TYPE resilience4j_circuitbreaker_not_permitted_calls_total counter', ...refused, ''].join('\n')
  }
}
