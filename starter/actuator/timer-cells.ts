/**
 * A Prometheus histogram kept as cells of plain numbers: a call only adds to its cell, text is made when it is scraped
 * (a labelled observe of prom-client costs 1-3 us a call).
 */
const BUCKETS_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const

/** Further label combinations are counted together: methods and status codes come from outside. */
const MAX_CELLS = 2_000
const OVERFLOW = 'other'

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

/** One family of timers, by label combination. */
export class TimerCells {
  readonly #name: string
  readonly #help: string
  readonly #cells = new Map<string, Cell>()

  /** `name` without a suffix: `http_server_requests_seconds`. */
  constructor (name: string, help: string) {
    this.#name = name
    this.#help = help
  }

  /** Counts one event. `labels` is only called for a key not seen before. */
  observe (key: string, labels: () => string, elapsedMs: number): void {
    const cell = this.#cells.get(key) ?? this.#open(key, labels)
    const seconds = elapsedMs / 1000
    cell.count++
    cell.sum += seconds
    if (seconds > cell.max) cell.max = seconds
    for (let at = 0; at < BUCKETS_SECONDS.length; at++) {
      if (seconds <= (BUCKETS_SECONDS[at] ?? 0)) {
        cell.buckets[at] = (cell.buckets[at] ?? 0) + 1
        return
      }
    }
  }

  /** Prometheus text. `max` starts anew with every scrape, which Micrometer's decaying maximum nearly does. */
  render (commonLabels = ''): string {
    const name = this.#name
    const histogram: string[] = []
    const maxima: string[] = []
    for (const cell of this.#cells.values()) {
      const labels = [cell.labels, commonLabels].filter(Boolean).join(',')
      let cumulative = 0
      BUCKETS_SECONDS.forEach((bound, at) => {
        cumulative += cell.buckets[at] ?? 0
        histogram.push(`${name}_bucket{${labels},le="${bound}"} ${cumulative}`)
      })
      histogram.push(`${name}_bucket{${labels},le="+Inf"} ${cell.count}`, `${name}_count{${labels}} ${cell.count}`,
        `${name}_sum{${labels}} ${cell.sum}`)
      maxima.push(`${name}_max{${labels}} ${cell.max}`)
      cell.max = 0
    }
    return [`# HELP ${name} ${this.#help}`, `# TYPE ${name} histogram`, ...histogram,
      `# HELP ${name}_max Longest since the last scrape`, `# TYPE ${name}_max gauge`, ...maxima, ''].join('\n')
  }

  #open (key: string, labels: () => string): Cell {
    const full = this.#cells.size >= MAX_CELLS
    const known = full ? this.#cells.get(OVERFLOW) : undefined
    if (known !== undefined) return known
    const cell = new Cell(full ? 'uri="OTHER"' : labels())
    this.#cells.set(full ? OVERFLOW : key, cell)
    return cell
  }
}

/** Micrometer's word for a status. */
export function outcomeOf (status: number): string {
  const outcomes = ['UNKNOWN', 'INFORMATIONAL', 'SUCCESS', 'REDIRECTION', 'CLIENT_ERROR', 'SERVER_ERROR']
  return outcomes[Math.trunc(status / 100)] ?? 'UNKNOWN'
}

/** A label value as Prometheus text wants it. */
export function labelText (value: string): string {
  return value.replace(/[\\"\n]/g, character => character === '\n' ? '\\n' : `\\${character}`)
}
