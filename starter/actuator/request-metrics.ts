/** `http_server_requests_seconds` under Micrometer's names and tags. */
import { labelText, outcomeOf, TimerCells } from './timer-cells.ts'

/** Counts finished requests. One per server. */
export class RequestMetrics {
  readonly #cells = new TimerCells('http_server_requests_seconds', 'Duration of HTTP server request handling')

  /** `route` is Fastify's pattern, undefined when none matched. */
  observe (method: string, route: string | undefined, status: number, elapsedMs: number): void {
    this.#cells.observe(`${method} ${status} ${route ?? ''}`, () => labelsOf(method, route, status), elapsedMs)
  }

  /** Prometheus text. */
  render (commonLabels = ''): string {
    return this.#cells.render(commonLabels)
  }
}

/** Spring's tags: uri is the pattern with `{name}` for a parameter, never the path itself. */
function labelsOf (method: string, route: string | undefined, status: number): string {
  return `error="${status >= 500 ? 'server' : 'none'}",exception="none",method="${labelText(method)}",` +
    `outcome="${outcomeOf(status)}",status="${status}",uri="${labelText(uriOf(route, status))}"`
}

function uriOf (route: string | undefined, status: number): string {
  if (route === undefined) return status === 404 ? 'NOT_FOUND' : 'UNKNOWN'
  return route === '/' || route === '' ? 'root' : route.replace(/:([A-Za-z0-9_]+)(?:\([^)]*\))?\??/g, '{$1}')
}
