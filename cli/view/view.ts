/** How the state of the stack is shown. One of three views runs: table, plain lines, JSON lines. */
import type { ProcessStatus } from '../supervisor/slot.ts'

export interface View {
  status (status: ProcessStatus): void
  /** What a process wrote: whole lines, each with its end. */
  lines (name: string, text: Buffer): void
  problem (message: string, lastLines: readonly string[]): void
  /** Something worth knowing that is no fault. */
  note (text: string): void
  /** Everything is up and can be called. */
  ready (summary: ReadySummary): void
  /** Restores the terminal; nothing is shown afterwards. */
  close (): void
  /** What somebody types. */
  onKey?: (key: string) => void
}

export interface ReadySummary {
  readonly seconds: number
  readonly gateway: string
  /** Commands to try, ready to paste. */
  readonly examples: readonly string[]
}

/** The sentence under the examples' heading; the same in the text views. */
export function readyText (summary: ReadySummary): string {
  const commands = summary.examples.map(command => `  ${command}\n`).join('')
  return `All services are ready after ${summary.seconds.toFixed(1)} s.${commands === '' ? '' : ` Try:\n\n${commands}`}`
}
