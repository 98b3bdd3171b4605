/**
 * Reads tap's raw stream line by line and keeps what a person wants at the end: how many tests passed, failed and
 * were skipped (with the reason, so that no skip hides that nothing ran), and the whole output of failed files.
 */

export interface FileResult {
  readonly file: string
  readonly ok: boolean
  readonly passed: number
  readonly failed: number
  /** At any depth: a test passes when all that is in it was skipped. */
  readonly skipped: readonly string[]
  /** The file's raw output, for showing what failed. */
  readonly lines: readonly string[]
  readonly seconds: number
}

const TEST_LINE = /^ {4}(ok|not ok) \d+ - /
const SKIP_LINE = /^ {4,}ok \d+ - (.*?) # SKIP(.*)$/
const FILE_LINE = /^(ok|not ok) \d+ - (.*\.test\.ts)(?: # (?:time=([\d.]+)(ms|s|m)|SKIP(.*)))?/

/** Feeds on lines; returns a result whenever a test file ended, else undefined. */
export function createTapSummary () {
  let current = emptyFile()
  return (line: string): FileResult | undefined => {
    const end = FILE_LINE.exec(line)
    if (end === null) {
      takeLine(current, line)
      return undefined
    }
    const done = finishFile(current, end)
    current = emptyFile()
    return done
  }
}

interface OpenFile { passed: number, failed: number, skipped: string[], lines: string[] }

function emptyFile (): OpenFile {
  return { passed: 0, failed: 0, skipped: [], lines: [] }
}

function takeLine (file: OpenFile, line: string): void {
  file.lines.push(line)
  const skip = SKIP_LINE.exec(line)
  const test = TEST_LINE.exec(line)
  if (skip !== null) file.skipped.push(`${skip[1]}:${skip[2]}`)
  else if (test?.[1] === 'not ok') file.failed++
  else if (test !== null) file.passed++
}

const UNIT_SECONDS: Readonly<Record<string, number>> = { ms: 0.001, s: 1, m: 60 }

function finishFile (file: OpenFile, end: RegExpExecArray): FileResult {
  const ok = end[1] === 'ok'
  // A file that died before its first subtest reports no test line at all: it still is one failure.
  const failed = !ok && file.failed === 0 ? 1 : file.failed
  const seconds = Number(end[3] ?? 0) * (UNIT_SECONDS[end[4] ?? 's'] ?? 1)
  const skipped = end[5] === undefined ? file.skipped : [...file.skipped, `all of it:${end[5]}`]
  return { ...file, file: end[2] ?? '', ok, failed, seconds, skipped }
}
