/** Plain lines, one per event, for a pipe or a CI log: nothing is ever redrawn. */
import { readableLine } from './log-line.ts'
import { readyText, type View } from './view.ts'

export function createPlainView (write: (text: string) => void): View {
  return {
    status ({ name, state, url, pid, note }) {
      const details = [url, pid === undefined ? undefined : `pid ${pid}`, note].filter(Boolean).join('  ')
      write(`${name.padEnd(16)} ${state.padEnd(9)} ${details}`.trimEnd() + '\n')
    },
    lines: () => {},
    problem (message, lastLines) {
      for (const line of lastLines) write(`  | ${readableLine(line)}\n`)
      write(`${message}\n`)
    },
    note: text => { write(`${text}\n`) },
    ready: summary => { write(`\n${readyText(summary)}\n`) },
    close: () => { write('stopped\n') }
  }
}
