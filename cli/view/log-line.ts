/** A JSON line of a log as a person reads it: time, level, text, and what else it says. */
import pc from 'picocolors'

interface LogLine {
  readonly time?: number | string
  readonly level?: number | string
  readonly msg?: string
  readonly err?: { readonly message?: string, readonly code?: string }
  readonly [field: string]: unknown
}

const LEVELS: Readonly<Record<number, string>> = { 10: 'TRACE', 20: 'DEBUG', 30: 'INFO', 40: 'WARN', 50: 'ERROR', 60: 'FATAL' }
const COLOURS: Readonly<Record<string, (text: string) => string>> = { WARN: pc.yellow, ERROR: pc.red, FATAL: pc.red }
/** Said elsewhere, or of no use to a person. */
const LEFT_OUT = new Set(['time', 'level', 'msg', 'err', 'pid', 'hostname', 'service', 'v'])

/** What is no JSON stays as it is. Control characters, which could move a terminal's cursor, do not. */
export function readableLine (line: string): string {
  const fields = parse(line)
  if (fields === undefined) return printable(line)
  const level = typeof fields.level === 'number' ? LEVELS[fields.level] ?? String(fields.level) : (fields.level ?? '').toUpperCase()
  const rest = Object.entries(fields).filter(([name]) => !LEFT_OUT.has(name)).map(([name, value]) => `${name}=${textOf(value)}`)
  const text = [fields.msg ?? '', fields.err?.message, ...rest].filter(Boolean).join(' ')
  return `${pc.dim(timeOf(fields.time))} ${(COLOURS[level] ?? pc.dim)(level.padEnd(5))} ${printable(text)}`
}

function parse (line: string): LogLine | undefined {
  if (!line.startsWith('{')) return undefined
  try {
    return JSON.parse(line) as LogLine
  } catch {
    return undefined
  }
}

function timeOf (time: number | string | undefined): string {
  const date = new Date(time ?? Number.NaN)
  return Number.isNaN(date.getTime()) ? '' : date.toISOString().slice(11, 23)
}

function textOf (value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function printable (text: string): string {
  // oxlint-disable-next-line no-control-regex
  return text.replaceAll(/[\u0000-\u0008\u000B-\u001F\u007F-\u009F]/g, '')
}
