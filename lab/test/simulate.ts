/** A simulation's command, in a process of its own: this runner watches each promise, and a run makes a great many. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'

interface Answer { readonly failed: unknown, readonly missing: unknown, readonly runs: number, readonly trace: string }

/** Runs `lab/simulation/FILE`; rejects when it ends without an answer. */
export function simulate (file: string, ...args: string[]): Promise<Answer> {
  const main = join(import.meta.dirname, '../simulation', file)
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [main, '--json', ...args], { env: { PATH: process.env.PATH }, maxBuffer: 2 ** 26 },
      (_error, stdout, stderr) => {
        try {
          resolve(JSON.parse(stdout) as Answer)
        } catch {
          reject(new Error(`the simulation ended without an answer: ${stderr.slice(0, 2000)}`))
        }
      })
  })
}
