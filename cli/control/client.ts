/** Asks a running stack. */
import { request } from 'node:http'
import { json as readJson } from 'node:stream/consumers'
import { error } from '../errors.ts'
import { findRunning, type RunningStack } from './running-stack.ts'
import type { StackView } from './server.ts'

export async function askStack (dataFolder: string): Promise<StackView> {
  return await ask(findRunning(dataFolder), 'GET', '/stack') as StackView
}

export async function killProcess (dataFolder: string, name: string, signal: string): Promise<void> {
  await ask(findRunning(dataFolder), 'POST', '/kill', { name, signal })
}

/** Resolves when all its processes have ended. */
export async function stopStack (running: RunningStack): Promise<void> {
  await ask(running, 'POST', '/stop')
}

function ask (running: RunningStack, method: string, path: string, body?: object): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath: running.socket, method, path }, response => {
      readJson(response).then(answer => {
        if (response.statusCode === 200) resolve(answer)
        else reject(error('E_STACK_REFUSED', [(answer as { error: string }).error]))
      }, reject)
    })
    asked.on('error', cause => { reject(error('E_STACK_SILENT', [running.pid, cause.message], { cause })) })
    asked.end(body === undefined ? undefined : JSON.stringify(body))
  })
}
