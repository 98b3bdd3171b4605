/**
 * `breakwater doctor`: what would be started, why so, and whether it could be. Each look is a line; the exit code is 1
 * when one of them would end the start.
 */
import { accessSync, constants, existsSync } from 'node:fs'
import { connect } from 'node:net'
import { dirname } from 'node:path'
import { portOwner } from '@breakwater/starter/port-owner'
import pc from 'picocolors'
import { readRunning } from '../control/running-stack.ts'
import { readFlags } from '../flags.ts'
import { readUpOptions, UP_FLAGS, type UpOptions } from '../options.ts'
import { print } from '../output.ts'
import { chooseServices } from '../stack-file/choose.ts'
import { readStackFile } from '../stack-file/read.ts'
import type { StackFile } from '../stack-file/stack-file.ts'
import { planStack } from '../supervisor/plan.ts'
import type { ProcessSpec } from '../supervisor/process-spec.ts'
import { FAILED, OK, type Verb } from '../verb.ts'
import { ownVersion } from '../version.ts'

interface Finding {
  readonly about: string
  readonly state: 'ok' | 'note' | 'fault'
  readonly text: string
}

export const doctorVerb: Verb = {
  name: 'doctor', summary: 'what "up" with the same options would start, why, and whether it can', flags: UP_FLAGS,
  run: async (process, args) => {
    const { json, file } = readFlags('doctor', args, UP_FLAGS)
    const findings = await examine(process, args, file)
    print(process, json, findings, () => findings.map(lineOf).join(''))
    return findings.some(({ state }) => state === 'fault') ? FAILED : OK
  }
}

async function examine (
  process: NodeJS.Process, args: readonly string[], file: string | undefined
): Promise<Finding[]> {
  const node: Finding = { about: 'node', state: 'ok', text: `${process.version} at ${process.execPath}, breakwater ${ownVersion()}` }
  let stack: StackFile
  let options: UpOptions
  try {
    stack = readStackFile(process.cwd(), file)
    options = readUpOptions(args, process.env, stack)
  } catch (cause) {
    return [node, { about: 'stack', state: 'fault', text: String(cause) }]
  }
  const plan = planStack(stack, options, chooseServices(stack, options.only))
  return [
    node,
    { about: 'stack', state: 'ok', text: `${stack.file}: ${[...stack.services.keys()].join(', ') || 'no services'}` },
    profileFinding(process.env, stack, options, args),
    dataFinding(options),
    ...await Promise.all(plan.filter(({ port }) => port !== 0).map(spec => portFinding(spec, options))),
    ...await farFindings(process.env, options)
  ]
}

function profileFinding (
  env: NodeJS.ProcessEnv, stack: StackFile, { profile }: UpOptions, args: readonly string[]
): Finding {
  const flag = args.some(word => word.startsWith('--profile')) ? '--profile' : undefined
  const variable = ['PROFILE', 'SPRING_PROFILES_ACTIVE'].find(name => (env[name] ?? '').trim() !== '')
  const file = stack.profile === undefined ? undefined : stack.file
  return { about: 'profile', state: 'ok', text: `${profile}, by ${flag ?? variable ?? file ?? 'default'}` }
}

function dataFinding ({ dataFolder }: UpOptions): Finding {
  const running = readRunning(dataFolder)
  if (running !== undefined) {
    return { about: 'data', state: 'note', text: `${dataFolder}: a stack runs there (process ${running.pid})` }
  }
  let folder = dataFolder
  while (!existsSync(folder)) folder = dirname(folder)
  try {
    accessSync(folder, constants.W_OK)
    return { about: 'data', state: 'ok', text: dataFolder }
  } catch {
    return { about: 'data', state: 'fault', text: `${folder} cannot be written to: name another folder by --data` }
  }
}

async function portFinding ({ name, port }: ProcessSpec, { dataFolder }: UpOptions): Promise<Finding> {
  if (!await isTaken('127.0.0.1', port)) return { about: name, state: 'ok', text: `port ${port} is free` }
  if (readRunning(dataFolder) !== undefined) {
    return { about: name, state: 'note', text: `port ${port}, in use by the stack that runs` }
  }
  const owner = await portOwner(port)
  const by = owner === undefined ? '' : ` by ${owner}`
  return { about: name, state: 'fault', text: `port ${port} is taken${by}: --port ${name}=${port + 1}` }
}

/** Who must be there already in the other profiles. */
async function farFindings (env: NodeJS.ProcessEnv, { profile }: UpOptions): Promise<Finding[]> {
  if (!profile.split(',').includes('consul')) return []
  const host = env['SPRING_CLOUD_CONSUL_HOST'] ?? 'localhost'
  const port = Number(env['SPRING_CLOUD_CONSUL_PORT'] ?? 8500)
  return [await isTaken(host, port)
    ? { about: 'consul', state: 'ok', text: `${host}:${port} answers` }
    : { about: 'consul', state: 'fault', text: `nobody answers at ${host}:${port}: start an agent, or set SPRING_CLOUD_CONSUL_HOST` }]
}

function isTaken (host: string, port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect({ host, port, timeout: 2000 })
    const end = (taken: boolean): void => {
      socket.destroy()
      resolve(taken)
    }
    socket.once('connect', () => { end(true) })
    socket.once('timeout', () => { end(false) })
    socket.once('error', () => { end(false) })
  })
}

const MARKS = { ok: pc.green('ok   '), note: pc.yellow('note '), fault: pc.red('FAULT') } as const

function lineOf ({ about, state, text }: Finding): string {
  return `${MARKS[state]} ${about.padEnd(16)} ${text}\n`
}
