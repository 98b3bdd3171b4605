/** What `npm test` says of a finished file, and at the end of the whole run. */
import type { FileResult } from './tap-summary.ts'

/** `SKIPPED` is a file of which nothing ran: it must not look like one that passed. */
export function fileLine ({ file, ok, passed, skipped, seconds }: FileResult): string {
  const state = !ok ? 'FAILED ' : passed === 0 ? 'SKIPPED' : 'ok     '
  const more = skipped.length === 0 ? '' : `, ${skipped.length} skipped`
  return `${state} ${seconds.toFixed(1).padStart(6)}s  ${file} (${passed} passed${more})`
}

/** Every skip with its reason, by package: one with skips must not look like one without. */
export function skipLines (results: readonly FileResult[]): string[] {
  return [...Map.groupBy(results, ({ file }) => packageOf(file))].flatMap(([name, files]) => {
    const skips = files.flatMap(({ file, skipped }) => skipped.map(reason => `  ${file} ${reason}`))
    const passed = sum(files, result => result.passed)
    return skips.length === 0 ? [] : [`${name}: ${skips.length} skipped, ${passed} passed`, ...skips]
  })
}

/** The plain last line. */
export function totalLine (results: readonly FileResult[]): string {
  return `${sum(results, result => result.passed)} passed, ${failures(results)} failed`
}

/** A run in which nothing ran has failed. */
export function failures (results: readonly FileResult[]): number {
  return sum(results, result => result.failed) + (results.length === 0 ? 1 : 0)
}

function sum (results: readonly FileResult[], pick: (result: FileResult) => number): number {
  return results.reduce((total, result) => total + pick(result), 0)
}

function packageOf (file: string): string {
  return /^sample-services\/[^/]+|^[^/]+/.exec(file)?.[0] ?? file
}
