/** Spring's answers, kept: one JSON a line, packed. The first line says of which cases they are. */
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'

export interface Recording<T> {
  /** What `digestOf` gave for the cases when they were asked. */
  readonly cases: string
  /** Of the seeds 1, 2, 3... */
  readonly answers: readonly T[]
}

const fileOf = (name: string): string => join(import.meta.dirname, 'recorded', `${name}.jsonl.gz`)

/** Tells cases from those of another version of the generator. */
export const digestOf = (cases: readonly unknown[]): string =>
  createHash('sha256').update(JSON.stringify(cases)).digest('hex').slice(0, 16)

export function writeRecording<T> (name: string, { cases, answers }: Recording<T>): void {
  const lines = [{ cases }, ...answers].map(line => `${JSON.stringify(line)}\n`)
  writeFileSync(fileOf(name), gzipSync(lines.join(''), { level: 9 }))
}

export function readRecording<T> (name: string): Recording<T> {
  const [head = '{}', ...lines] = gunzipSync(readFileSync(fileOf(name))).toString().trimEnd().split('\n')
  const { cases } = JSON.parse(head) as { cases: string }
  return { cases, answers: lines.map(line => JSON.parse(line) as T) }
}
