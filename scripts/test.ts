/**
 * `npm test`: runs every test file with tap and ends with the plain line `N passed, N failed`.
 *
 * A line per finished file, the whole output of a file that failed, and every skip with its reason. A file that
 * failed is run once more alone: real-process tests share two cores with their neighbours, and what passes alone is
 * named as such instead of being hidden or failing the run.
 *
 * Files named `*.system.test.ts` start whole stacks as processes and measure how fast failures are survived: they run
 * after the others, one at a time. Arguments are files to run instead: `npm test -- gateway/test/routes.test.ts`.
 */
import { spawn } from 'node:child_process'
import { globSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { createTapSummary, type FileResult } from './tap-summary.ts'

async function runTap (args: readonly string[]): Promise<FileResult[]> {
  const results: FileResult[] = []
  if (args.length === 0) return results
  const child = spawn('tap', ['run', '--reporter=tap', ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  const take = createTapSummary()
  for await (const line of createInterface({ input: child.stdout })) {
    const result = take(line)
    if (result === undefined) continue
    results.push(result)
    printFile(result)
  }
  return results
}

function printFile (result: FileResult): void {
  const skipped = result.skipped.length === 0 ? '' : `, ${result.skipped.length} skipped`
  const state = result.ok ? 'ok    ' : 'FAILED'
  console.log(`${state} ${result.seconds.toFixed(1).padStart(6)}s  ${result.file} (${result.passed} passed${skipped})`)
  if (!result.ok) console.log(result.lines.join('\n'))
}

async function rerunFailed (results: readonly FileResult[]): Promise<FileResult[]> {
  const final: FileResult[] = []
  for (const result of results) {
    if (result.ok) {
      final.push(result)
      continue
    }
    console.log(`\nonce more, alone: ${result.file}`)
    const [again] = await runTap(['--jobs=1', result.file])
    if (again?.ok === true) console.log(`UNSTABLE ${result.file} passed only on its second run`)
    final.push(again ?? result)
  }
  return final
}

function report (results: readonly FileResult[]): number {
  const sum = (pick: (result: FileResult) => number) => results.reduce((total, result) => total + pick(result), 0)
  const skipped = results.flatMap(result => result.skipped.map(reason => `${result.file} ${reason}`))
  if (skipped.length > 0) console.log(`\n${skipped.length} skipped:\n${skipped.map(line => `  ${line}`).join('\n')}`)
  const failed = sum(result => result.failed) + (results.length === 0 ? 1 : 0)
  console.log(`\n${sum(result => result.passed)} passed, ${failed} failed`)
  return failed === 0 ? 0 : 1
}

async function runAll (files: readonly string[]): Promise<FileResult[]> {
  const system = files.filter(file => file.endsWith('.system.test.ts'))
  const parallel = files.filter(file => !system.includes(file))
  const results = await runTap(parallel)
  return [...results, ...await runTap(system.length === 0 ? [] : ['--jobs=1', ...system])]
}

function findTests (): string[] {
  return globSync('**/test/**/*.test.ts', { exclude: name => name === 'node_modules' || name === '.tap' }).toSorted()
}

const asked = process.argv.slice(2)
process.exitCode = report(await rerunFailed(await runAll(asked.length > 0 ? asked : findTests())))
