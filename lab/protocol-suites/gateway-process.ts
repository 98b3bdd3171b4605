/** A gateway as a process of its own in front of one upstream, for the public protocol suites. */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface GatewayProcess {
  readonly port: number
  stop (): Promise<void>
}

/** Rejects with what it printed when it ends instead of getting ready. */
export async function startGateway (upstream: string): Promise<GatewayProcess> {
  const folder = mkdtempSync(join(tmpdir(), 'breakwater-suite-'))
  const file = join(folder, 'application.yml')
  const routes = `spring.cloud.gateway.routes: [ { id: all, uri: "${upstream}", predicates: [ "Path=/**" ], metadata: { websocket: true } } ]`
  writeFileSync(file, `server: { port: 0 }\nmanagement.server: { port: 0 }\nbreakwater.gateway.workers: 1\n${routes}\n`)
  const main = join(import.meta.dirname, '../../gateway/main.ts')
  const child = spawn(process.execPath, [main, `--config=${file}`], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
  let printed = ''
  child.stderr!.on('data', (text: Buffer) => { printed = (printed + text.toString()).slice(-10_000) })
  const ended = new Promise<void>(resolve => child.once('close', () => {
    rmSync(folder, { recursive: true, force: true })
    resolve()
  }))
  const { url } = await new Promise<{ url: string }>((resolve, reject) => {
    child.once('message', message => resolve(message as { url: string }))
    child.once('close', () => reject(new Error(`the gateway ended: ${printed}`)))
  })
  return {
    port: Number(new URL(url).port),
    async stop () {
      child.kill()
      await ended
      if (printed.includes('Error')) console.log(`the gateway printed:\n${printed}`)
    }
  }
}

/** Runs a suite's own program and hands back its output; rejects when there is no such program. */
export async function runSuite (program: string, args: readonly string[]): Promise<string> {
  return await new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    let output = ''
    child.stdout.on('data', (text: Buffer) => { output += text.toString() })
    child.once('error', cause => reject(new Error(`${program} does not start; see lab/protocol-suites/README.md`, { cause })))
    child.once('close', () => resolve(output))
  })
}
