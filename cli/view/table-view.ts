/**
 * The live table for a terminal: redrawn in place twice a second, with what a person asks first: is it up, where, for
 * how long, what does it cost. It never has more rows than the terminal: what scrolls away cannot be erased.
 */
import { stripVTControlCharacters } from 'node:util'
import pc from 'picocolors'
import type { ProcessStatus } from '../supervisor/slot.ts'
import { readableLine } from './log-line.ts'
import { readUsage, type Usage } from './process-usage.ts'
import { readyText, type View } from './view.ts'

const REDRAW_MS = 500
const HEADINGS = ['NAME', 'STATE', 'ADDRESS', 'PID', 'UP', 'CPU', 'RSS', 'NOTE'] as const
/** Title, headings, what was left out, an empty line, the footer, and the cursor's own. */
const OTHER_ROWS = 6

export interface TableOptions {
  readonly title: string
  readonly size: () => { readonly columns: number, readonly rows: number }
  readonly write: (text: string) => void
  readonly now: () => number
}

export function createTableView (options: TableOptions): View {
  const statuses = new Map<string, ProcessStatus>()
  const usages = new Map<number, Usage>()
  let drawn: readonly string[] = []
  let ready = false
  let logs = false

  /** By the width of now: a terminal that was made narrower has wrapped what was drawn. */
  function erase (): void {
    const { columns } = options.size()
    const rows = drawn.reduce((sum, line) => sum + rowsOf(line, columns), 0)
    if (rows > 0) options.write(`\u001B[${rows}A\u001B[0J`)
    drawn = []
  }

  function draw (): void {
    erase()
    const { columns, rows } = options.size()
    const shown = fitting([...statuses.values()], Math.max(1, rows - OTHER_ROWS))
    const left = statuses.size - shown.length
    const cells = shown.map(status => toRow(status, usages, options.now()))
    drawn = [
      options.title,
      ...layOut([[...HEADINGS], ...cells], columns),
      ...(left > 0 ? [pc.dim(`and ${left} more`)] : []),
      '',
      footer()
    ].map(line => cut(line, columns))
    options.write(`${drawn.join('\n')}\n`)
  }

  function footer (): string {
    const states = [...statuses.values()].map(({ state }) => state)
    const keys = pc.dim('l: log lines   q or Ctrl-C: stop')
    if (states.some(state => state === 'STOPPING' || state === 'STOPPED')) {
      const waited = [...statuses.values()].filter(({ state }) => state === 'STOPPING').map(({ name }) => name)
      if (waited.length === 0) return 'Stopped'
      return `Stopping, waits for ${waited.join(', ')}   ${pc.dim('Ctrl-C: at once')}`
    }
    if (!ready) return `Starting   ${keys}`
    const down = states.filter(state => state !== 'UP').length
    return `${down === 0 ? 'All services are ready' : pc.yellow(`${down} of ${states.length} are not up`)}   ${keys}`
  }

  function above (text: string): void {
    erase()
    options.write(text)
    draw()
  }

  const timer = setInterval(draw, REDRAW_MS)
  return {
    status: status => { statuses.set(status.name, status) },
    lines: (name, text) => {
      if (!logs) return
      const lines = text.toString().split('\n').filter(Boolean)
      above(lines.map(line => `${pc.dim(name.padEnd(16))} ${readableLine(line)}\n`).join(''))
    },
    problem: (message, lastLines) => {
      above([...lastLines.map(line => `${pc.dim('  |')} ${readableLine(line)}`), pc.red(message), ''].join('\n'))
    },
    note: text => { above(`${text}\n`) },
    // Written once, not redrawn: what is redrawn cannot be marked and copied.
    ready (summary) {
      ready = true
      above(`${readyText(summary)}\n`)
    },
    onKey: key => { if (key.includes('l')) logs = !logs },
    close () {
      clearInterval(timer)
      draw()
      drawn = []
    }
  }
}

/** Who is not up comes first where there is no room for all. */
function fitting (statuses: readonly ProcessStatus[], rows: number): readonly ProcessStatus[] {
  if (statuses.length <= rows) return statuses
  const kept = new Set([...statuses].sort((a, b) => Number(a.state === 'UP') - Number(b.state === 'UP')).slice(0, rows))
  return statuses.filter(status => kept.has(status))
}

/** A line that is longer than the terminal is wide takes several of its rows. */
function rowsOf (line: string, columns: number): number {
  return Math.max(1, Math.ceil(stripVTControlCharacters(line).length / columns))
}

function cut (line: string, columns: number): string {
  return stripVTControlCharacters(line).length < columns ? line : stripVTControlCharacters(line).slice(0, columns - 1)
}

function toRow (status: ProcessStatus, usages: Map<number, Usage>, now: number): string[] {
  const usage = status.pid === undefined ? undefined : readUsage(status.pid, usages, now)
  return [
    status.name,
    status.state,
    status.url ?? '',
    status.pid === undefined ? '' : String(status.pid),
    `${Math.max(0, Math.round((now - status.sinceMs) / 1000))}s`,
    usage === undefined ? '' : `${usage.cpuPercent.toFixed(0)}%`,
    usage === undefined ? '' : `${Math.round(usage.rssBytes / 1048576)}M`,
    [status.note, status.restarts > 0 ? `restarted ${status.restarts}x` : ''].filter(Boolean).join(', ')
  ]
}

const STATE_COLOURS: Readonly<Record<string, (text: string) => string>> = {
  UP: pc.green, FAILED: pc.red, RESTART: pc.yellow, STARTING: pc.cyan
}

/** Pads to columns and colours afterwards, so that colour codes do not count as width. */
function layOut (rows: readonly (readonly string[])[], columns: number): string[] {
  const widths = HEADINGS.map((_, index) => Math.max(...rows.map(row => row[index]?.length ?? 0)))
  return rows.map((row, rowIndex) => {
    const line = row.map((cell, index) => cell.padEnd(widths[index] ?? 0)).join('  ').trimEnd().slice(0, columns - 1)
    if (rowIndex === 0) return pc.dim(line)
    const colour = STATE_COLOURS[row[1] ?? '']
    return colour === undefined ? line : line.replace(row[1] ?? '', colour)
  })
}
