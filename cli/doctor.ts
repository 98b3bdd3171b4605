/**
 * `breakwater doctor`: what would be started, why so, and whether it could be. Each look is a line; the exit code is 1
 * when one of them would end the start.
 */
import { accessSync, constants, existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { versionOf } from '@breakwater/scaffold/version'
import { portOwner } from '@breakwater/starter/port-owner'
import pc from 'picocolors'
import { readRunning } from './control/running-stack.ts'
import { readFlags } from './flags.ts'
import { readUpOptions, UP_FLAGS, type UpOptions, type UpValues } from './options.ts'
import { chooseServices } from './stack-file/choose.ts'
import { readStackFile } from './stack-file/read.ts'
import type { StackFile } from './stack-file/stack-file.ts'
import { planStack } from './supervisor/plan.ts'
import { isOpen } from './supervisor/probe.ts'
import type { ProcessSpec } from './supervisor/process-spec.ts'
import { FAILED, OK } from './verb.ts'

interface Finding {
  readonly about: string
  readonly state: 'ok' | 'note' | 'fault'
  readonly text: string
}

export async function doctor (process: NodeJS.Process, args: readonly string[]): Promise<number> {
  const values = readFlags('doctor', args, UP_FLAGS)
  const findings = await examine(process, values)
  // Not by `print`: the colours are our own.
  process.stdout.write(values.json === true ? `${JSON.stringify(findings)}\n` : findings.map(lineOf).join(''))
  return findings.some(({ state }) => state === 'fault') ? FAILED : OK
}

async function examine (process: NodeJS.Process, values: UpValues): Promise<Finding[]> {
  const node: Finding = { about: 'node', state: 'ok', text: `${process.version} at ${process.execPath}, breakwater ${versionOf(import.meta.dirname)}` }
  let stack: StackFile
  let options: UpOptions
  try {
    stack = readStackFile(process.cwd(), values.file)
    options = readUpOptions(values, process.env, stack)
  } catch (cause) {
    return [node, { about: 'stack', state: 'fault', text: String(cause) }]
  }
  const plan = planStack(stack, options, chooseServices(stack, options.only))
  return [
    node,
    { about: 'stack', state: 'ok', text: `${stack.file}: ${[...stack.services.keys()].join(', ') || 'no services'}` },
    profileFinding(process.env, stack, options, values),
    dataFinding(options),
    ...await Promise.all(plan.filter(({ port }) => port !== 0).map(spec => portFinding(spec, options))),
    ...await farFindings(process.env, options)
  ]
}

function profileFinding (
  env: NodeJS.ProcessEnv, stack: StackFile, { profile }: UpOptions, values: UpValues
): Finding {
  const flag = values.profile === undefined ? undefined : '--profile'
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
  if (!await isOpen({ host: '127.0.0.1', port })) return { about: name, state: 'ok', text: `port ${port} is free` }
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
  return [await isOpen({ host, port })
    ? { about: 'consul', state: 'ok', text: `${host}:${port} answers` }
    : { about: 'consul', state: 'fault', text: `nobody answers at ${host}:${port}: start an agent, or set SPRING_CLOUD_CONSUL_HOST` }]
}

const MARKS = { ok: pc.green('ok   '), note: pc.yellow('note '), fault: pc.red('FAULT') } as const

function lineOf ({ about, state, text }: Finding): string {
  return `${MARKS[state]} ${about.padEnd(16)} ${text}\n`
}
