/** A Spring Boot program that answers one case after the other: a line of JSON for a line of JSON. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Ask } from './asker.ts'
import type { Answers } from './case.ts'

/** Where Maven has put it; see lab/spring/README.md. */
const TARGET = join(import.meta.dirname, '../../test/spring/target')
const ANSWER_MS = 60_000

export interface SpringAsker {
  readonly ask: Ask
  stop (): void
}

export function startSpringAsker (): SpringAsker {
  const child = spawn('java', ['-Xmx256m', '-XX:TieredStopAtLevel=1', '-cp', `${TARGET}/classes:${TARGET}/dependency/*`,
    'breakwater.SettingsAsker'], { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const stop = (): void => { child.kill('SIGKILL') }
  return {
    stop,
    async ask ({ env, args, questions }, folder) {
      const late = setTimeout(stop, ANSWER_MS)
      child.stdin.write(`${JSON.stringify({ folder, env, args, questions })}\n`)
      const { value, done } = await lines.next()
      clearTimeout(late)
      if (done === true) throw new Error('the Spring program ended, or gave no answer within a minute')
      return JSON.parse(value) as Answers
    }
  }
}
