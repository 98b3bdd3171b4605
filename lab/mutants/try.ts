/** Puts a mutant into the copy, asks who must see it, and takes it out again. */
import { spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { mutate, type Fate, type Mutant } from './mutant.ts'

/** What hangs longer than this is noticed, too. */
const MAX_MS = 300_000

export async function tryMutant (copy: string, mutant: Mutant): Promise<Fate> {
  const file = join(copy, mutant.file)
  const whole = readFileSync(file, 'utf8')
  try {
    writeFileSync(file, mutate(whole, mutant))
  } catch (error) {
    return { kind: 'lost', why: String(error) }
  }
  try {
    for (const one of mutant.seenBy) if (!await isGreen(copy, one)) return { kind: 'caught', by: one }
    return { kind: 'survived' }
  } finally {
    writeFileSync(file, whole)
  }
}

/** Runs a test file, or a command that begins with `node`. */
export function isGreen (copy: string, what: string): Promise<boolean> {
  const args = what.startsWith('node ') ? what.split(' ').slice(1) : [what]
  return new Promise(resolve => {
    // A group of its own: a test that hangs takes the servers that it has started along.
    const child = spawn(process.execPath, args, { cwd: copy, stdio: 'ignore', detached: true,
      env: { ...process.env, TAP_TIMEOUT: String(MAX_MS / 1000) } })
    const deadline = setTimeout(() => { endGroup(child.pid) }, MAX_MS)
    child.once('exit', code => {
      clearTimeout(deadline)
      endGroup(child.pid)
      resolve(code === 0)
    })
  })
}

function endGroup (pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL')
  } catch {
    // Nobody is left in it.
  }
}
