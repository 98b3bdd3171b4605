/**
 * `http_server_requests_seconds` under Micrometer's names. Each route, method and status has a cell of plain numbers
 * that a request only adds to; text is made when it is scraped (a labelled prom-client observe costs 1-3 us a call).
 */
const BUCKETS_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const
const NAME = 'http_server_requests_seconds'

/** More label combinations than this are counted together: methods and status codes come from outside. */
const MAX_CELLS = 2_000

class Cell {
  readonly labels: string
  readonly buckets = new Uint32Array(BUCKETS_SECONDS.length)
  count = 0
  sum = 0
  max = 0

  constructor (labels: string) {
    this.labels = labels
  }
}

/** Counts finished requests. One per server. */
export class RequestMetrics {
  readonly #cells = new Map<string, Cell>()

  /** `route` is Fastify's pattern, undefined when none matched. */
  observe (method: string, route: string | undefined, status: number, elapsedMs: number): void {
    const cell = this.#cell(method, route, status)
    const seconds = elapsedMs / 1000
    cell.count++
    cell.sum += seconds
    if (seconds > cell.max) cell.max = seconds
    for (let at = 0; at < BUCKETS_SECONDS.length; at++) {
      if (seconds <= (BUCKETS_SECONDS[at] ?? 0)) { cell.buckets[at]!++; break }
    }
  }

  /** Prometheus text. `max` starts anew with every scrape, as Micrometer's decaying maximum nearly does. */
  render (commonLabels = ''): string {
    const histogram: string[] = []
    const maxima: string[] = []
    for (const cell of this.#cells.values()) {
      const labels = commonLabels === '' ? cell.labels : `${cell.labels},${commonLabels}`
      let cumulative = 0
      for (let at = 0; at < BUCKETS_SECONDS.length; at++) {
        cumulative += cell.buckets[at] ?? 0
        histogram.push(`${NAME}_bucket{${labels},le="${BUCKETS_SECONDS[at]}"} ${cumulative}`)
      }
      histogram.push(`${NAME}_bucket{${labels},le="+Inf"} ${cell.count}`, `${NAME}_count{${labels}} ${cell.count}`,
        `${NAME}_sum{${labels}} ${cell.sum}`)
      maxima.push(`${NAME}_max{${labels}} ${cell.max}`)
      cell.max = 0
    }
    return [`# HELP ${NAME} Duration of HTTP server request handling`, `# TYPE ${NAME} histogram`, ...histogram,
      `# HELP ${NAME}_max Longest request since the last scrape`, `# TYPE ${NAME}_max gauge`, ...maxima, ''].join('\n')
  }

  #cell (method: string, route: string | undefined, status: number): Cell {
    const key = `${method} ${status} ${route ?? ''}`
    const known = this.#cells.get(key)
    if (known !== undefined) return known
    if (this.#cells.size >= MAX_CELLS) return this.#cell('OTHER', undefined, 0)
    const cell = new Cell(labelsOf(method, route, status))
    this.#cells.set(key, cell)
    return cell
  }
}

/** Spring's tags: uri is the pattern with `{name}` for a parameter, never the path itself. */
function labelsOf (method: string, route: string | undefined, status: number): string {
  return `error="${status >= 500 ? 'server' : 'none'}",exception="none",method="${escape(method)}",` +
    `outcome="${outcomeOf(status)}",status="${status}",uri="${escape(uriOf(route, status))}"`
}

function uriOf (route: string | undefined, status: number): string {
  if (route === undefined) return status === 404 ? 'NOT_FOUND' : 'UNKNOWN'
  return route === '/' || route === '' ? 'root' : route.replace(/:([A-Za-z0-9_]+)(?:\([^)]*\))?\??/g, '{$1}')
}

function outcomeOf (status: number): string {
  const outcomes = ['UNKNOWN', 'INFORMATIONAL', 'SUCCESS', 'REDIRECTION', 'CLIENT_ERROR', 'SERVER_ERROR']
  return outcomes[Math.trunc(status / 100)] ?? 'UNKNOWN'
}

function escape (value: string): string {
  return value.replace(/[\\"\n]/g, character => character === '\n' ? '\\n' : `\\${character}`)
}
