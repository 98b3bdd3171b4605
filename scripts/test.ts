/**
 * `npm test`: runs every test file with tap and ends with the plain line `N passed, N failed`.
 *
 * A line per finished file, the whole output of a file that failed, and every skip with its reason. A file that
 * failed is run once more alone, which tells what fails always from what fails now and then; both outputs are shown,
 * the second run counts, and what passed only then is named UNSTABLE at the end: it is to be mended.
 *
 * Files named `*.system.test.ts` start whole stacks as processes and measure how fast failures are survived: they run
 * after the others, one at a time. Arguments are files or folders to run instead:
 * `npm test -- gateway/test/routes.test.ts`.
 */
import { spawn } from 'node:child_process'
import { globSync } from 'node:fs'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { createTapSummary, type FileResult } from './tap-summary.ts'
import { failures, fileLine, skipLines, totalLine } from './test-report.ts'

async function runTap (args: readonly string[], shows: (result: FileResult) => boolean): Promise<FileResult[]> {
  const results: FileResult[] = []
  if (args.length === 0) return results
  const child = spawn('tap', ['run', '--reporter=tap', ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  const take = createTapSummary()
  for await (const line of createInterface({ input: child.stdout })) {
    const result = take(line)
    if (result === undefined) continue
    results.push(result)
    console.log(fileLine(result))
    if (shows(result)) console.log(result.lines.join('\n'))
  }
  return results
}

/** Runs what failed once more, alone; its second result counts. */
async function rerunFailed (results: readonly FileResult[]): Promise<FileResult[]> {
  const final: FileResult[] = []
  for (const result of results) {
    if (!result.ok) console.log(`\nonce more, alone: ${result.file}`)
    const [again] = result.ok ? [result] : await runTap(['--jobs=1', result.file], () => true)
    final.push(again ?? result)
  }
  return final
}

async function runAll (files: readonly string[]): Promise<FileResult[]> {
  const system = files.filter(file => file.endsWith('.system.test.ts'))
  const parallel = files.filter(file => !system.includes(file))
  const failed = (result: FileResult) => !result.ok
  const results = await runTap(parallel, failed)
  return [...results, ...await runTap(system.length === 0 ? [] : ['--jobs=1', ...system], failed)]
}

function findTests (folder: string): string[] {
  return globSync(`${folder}/*.test.ts`, { exclude: name => name === 'node_modules' || name === '.tap' }).toSorted()
}

/** Files as they are named; of a folder those that are tests: tap alone would run everything in it. */
function expand (asked: readonly string[]): string[] {
  return asked.flatMap(name => name.endsWith('.ts') ? [name] : findTests(path.join(name, '**')))
}

const asked = process.argv.slice(2)
const results = await runAll(asked.length > 0 ? expand(asked) : findTests('**/test/**'))
const final = await rerunFailed(results)
const unstable = results.filter((result, at) => !result.ok && final[at]!.ok).map(({ file }) => file)
const skips = skipLines(final)
if (skips.length > 0) console.log(`\n${skips.join('\n')}`)
for (const file of unstable) console.log(`\nUNSTABLE ${file} failed, and passed alone: the one or the other is by chance`)
console.log(`\n${totalLine(final)}`)
process.exitCode = failures(final) === 0 ? 0 : 1
