/**
 * What the processes said. Each warning and error must be one that a fault of the run explains; anything else is a
 * violation, because it is how a fault that nobody asked about makes itself known.
 */
import { globSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { EXPECTED, type Expected } from './expected-logs.ts'

interface Line { readonly level?: string, readonly msg?: string, readonly err?: unknown, readonly work?: string }

const BAD = new Set(['warn', 'error', 'fatal'])

/** `faults`: the names of those that came. */
export function checkLogs (runDir: string, faults: ReadonlySet<string>): string[] {
  const unexpected = new Map<string, number>()
  for (const file of globSync(join(runDir, 'logs', '*.log'))) {
    const process = basename(file, '.log')
    for (const text of readFileSync(file, 'utf8').split('\n')) {
      const said = saidBadly(text)
      if (said === undefined || EXPECTED.some(one => explains(one, process, said, faults))) continue
      const what = `${process}: ${said.slice(0, 300)}`
      unexpected.set(what, (unexpected.get(what) ?? 0) + 1)
    }
  }
  return [...unexpected].map(([what, times]) => `LOG unexpected, ${times} times: ${what}`)
}

/** Ends that nobody asked for, but for starts that were refused because the disk was full just then, and said so. */
export function checkCrashes (
  runDir: string, processes: Iterable<{ readonly name: string, readonly crashes: readonly string[] }>
): string[] {
  return [...processes].filter(({ crashes }) => crashes.length > 0).flatMap(({ name, crashes }) => {
    const log = readFileSync(join(runDir, 'logs', `${name}.log`), 'utf8')
    return crashes.slice(log.match(/^E_STORE_FULL /gm)?.length ?? 0).map(what => `CRASH ${what}`)
  })
}

/** Undefined for what is fine. What is no JSON is a complaint of Node or of the system. */
function saidBadly (text: string): string | undefined {
  if (text.trim() === '') return undefined
  try {
    const { level, msg = '', work, err } = JSON.parse(text) as Line
    if (level === undefined || !BAD.has(level)) return undefined
    return [msg, work, errorOf(err)].filter(part => part !== undefined).join(' | ')
  } catch {
    // A SIGKILL may part a line; the half of one begins as a whole one does.
    return text.startsWith('{"level":') ? undefined : text
  }
}

function errorOf (err: unknown): string | undefined {
  if (typeof err === 'object' && err !== null && 'message' in err) return String(err.message)
  return err === undefined ? undefined : JSON.stringify(err)
}

function explains (
  { process, text, after }: Expected, from: string, said: string, faults: ReadonlySet<string>
): boolean {
  return (process === undefined || process.test(from)) && text.test(said) && after.some(name => faults.has(name))
}
