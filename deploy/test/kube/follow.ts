/** Runs a long command and tells what it says while it says it. */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'

export interface FollowOptions {
  readonly env: NodeJS.ProcessEnv
  readonly timeoutMs: number
  /** Each line of either stream, at once. */
  readonly onLine: (line: string) => void
}

/** Until the command has ended; an error with the end of what it wrote when it failed. */
export async function follow (command: string, args: readonly string[], options: FollowOptions): Promise<void> {
  const { env, timeoutMs, onLine } = options
  const child = spawn(command, args, { env, timeout: timeoutMs, stdio: ['ignore', 'pipe', 'pipe'] })
  const said: string[] = []
  const hear = (line: string) => { said.push(line); onLine(line) }
  const heard = Promise.all([lines(child.stdout, hear), lines(child.stderr, hear)])
  const [code, signal] = await new Promise<[number | null, string | null]>((resolve, reject) => {
    child.once('error', reject)
    // Not 'close': a daemon that the command leaves behind may hold its streams open.
    child.once('exit', (...how) => resolve(how))
  })
  await Promise.race([heard, new Promise((resolve) => setTimeout(resolve, 1_000).unref())])
  if (code !== 0) throw new Error(`${command} ended with ${code ?? signal}:\n${said.slice(-40).join('\n')}`)
}

async function lines (stream: Readable, onLine: (line: string) => void): Promise<void> {
  for await (const line of createInterface({ input: stream })) onLine(line)
}
