/**
 * The live table for a terminal: redrawn in place twice a second, with what a person asks first: is it up, where, for
 * how long, what does it cost. `l` shows the processes' own log lines above the table, `q` stops like Ctrl-C.
 */
import { stripVTControlCharacters } from 'node:util'
import pc from 'picocolors'
import type { ProcessStatus } from '../supervisor/supervisor.ts'
import { readUsage, type Usage } from './process-usage.ts'
import { readyText, type View } from './view.ts'

const REDRAW_MS = 500
const HEADINGS = ['NAME', 'STATE', 'ADDRESS', 'PID', 'UP', 'CPU', 'RSS', 'NOTE'] as const

export interface TableOptions {
  readonly title: string
  readonly columns: () => number
  readonly write: (text: string) => void
  readonly now: () => number
}

export interface TableView extends View {
  toggleLogs (): void
}

export function createTableView (options: TableOptions): TableView {
  const statuses = new Map<string, ProcessStatus>()
  const usages = new Map<number, Usage>()
  let drawnLines = 0
  let footer = ''
  let logs = false

  function erase (): void {
    if (drawnLines > 0) options.write(`\u001B[${drawnLines}A\u001B[0J`)
    drawnLines = 0
  }

  function draw (): void {
    erase()
    const rows = [...statuses.values()].map(status => toRow(status, usages, options.now()))
    const lines = [options.title, ...layOut([[...HEADINGS], ...rows], options.columns()), '', ...footer.split('\n')]
    options.write(`${lines.join('\n')}\n`)
    drawnLines = lines.reduce((rows, line) => rows + rowsOf(line, options.columns()), 0)
  }

  function above (text: string): void {
    erase()
    options.write(text)
    draw()
  }

  const timer = setInterval(draw, REDRAW_MS)
  return {
    status: status => { statuses.set(status.name, status) },
    lines: (name, text) => { if (logs) above(text.toString().replaceAll(/^(?=.)/gm, `${pc.dim(name.padEnd(16))} `)) },
    problem: (message, lastLines) => {
      above([...lastLines.map(line => pc.dim(`  | ${line}`)), pc.red(message), ''].join('\n'))
    },
    ready (summary) {
      footer = `${readyText(summary)}\n${pc.dim('l: show or hide log lines   q or Ctrl-C: stop')}`
      draw()
    },
    toggleLogs () { logs = !logs },
    close () {
      clearInterval(timer)
      draw()
      drawnLines = 0
    }
  }
}

/** A line that is longer than the terminal is wide takes several of its rows. */
function rowsOf (line: string, columns: number): number {
  return Math.max(1, Math.ceil(stripVTControlCharacters(line).length / columns))
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
