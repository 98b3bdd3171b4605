/** How verbs read and print. */
import { resolve } from 'node:path'
import { error } from './errors.ts'
import { OK } from './verb.ts'

const ANSWER_MS = 10_000

export function dataFolderOf (named: string | undefined): string {
  return resolve(named ?? 'data')
}

/** For a person as text, with `--json` for machines. */
export function print (process: NodeJS.Process, json: boolean | undefined, value: unknown, text: () => string): number {
  process.stdout.write(shownAs(json, value, text))
  return OK
}

/** Much comes from whoever registers, sends or configures: no control character of theirs reaches the terminal. */
export function shownAs (json: boolean | undefined, value: unknown, text: () => string): string {
  return json === true ? `${JSON.stringify(value)}\n` : text().replace(CONTROLS, '?')
}

const CONTROLS = /(?!\n)\p{Cc}/gu

export function failAt (process: NodeJS.Process, code: number, failure: Error): number {
  process.stderr.write(`${failure.toString()}\n`)
  return code
}

export function tableOf (headings: readonly string[], rows: ReadonlyArray<readonly string[]>): string {
  return rows.length === 0 ? 'none\n' : inColumns([headings, ...rows])
}

/** Columns as wide as their widest cell. */
export function inColumns (rows: ReadonlyArray<readonly string[]>): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map(row => row[column]?.length ?? 0)))
  return rows.map(row => `${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ').trimEnd()}\n`).join('')
}

export function cell (value: unknown): string {
  return typeof value === 'string' ? value : value === undefined || value === null ? '' : JSON.stringify(value)
}

/** Throws E_NO_ANSWER for whatever is no JSON with a good status. */
export async function getJson (url: string): Promise<unknown> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(ANSWER_MS), headers: { accept: 'application/json' } })
    const text = await response.text()
    if (!response.ok) throw error('E_NO_ANSWER', [url, `${response.status} ${text.slice(0, 300)}`])
    return JSON.parse(text)
  } catch (cause) {
    if ((cause as { code?: unknown }).code === 'E_NO_ANSWER') throw cause
    throw error('E_NO_ANSWER', [url, (cause as Error).message], { cause })
  }
}
