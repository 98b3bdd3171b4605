#!/usr/bin/env node
/** `npm create breakwater@latest [FOLDER] [-- --kind service|gateway|shop --js --service NAME]`. */
import { createInterface } from 'node:readline/promises'
import { parseArgs } from 'node:util'
import { createProject, KINDS, ScaffoldError, type Kind } from '@breakwater/scaffold'

const USAGE = `create-breakwater FOLDER [--kind ${Object.keys(KINDS).join('|')}] [--js] [--service NAME]

${Object.entries(KINDS).map(([kind, text]) => `  ${kind.padEnd(9)} ${text}\n`).join('')}`

async function run (): Promise<number> {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: {
    kind: { type: 'string' }, js: { type: 'boolean' }, service: { type: 'string' }, help: { type: 'boolean', short: 'h' }
  } })
  if (values.help === true) return say(USAGE)
  if (positionals.length > 1) throw new ScaffoldError(`one folder, not "${positionals.join(' ')}".\n\n${USAGE}`)
  const folder = positionals[0] ?? await ask('Folder', 'my-app')
  const kind = values.kind ?? await ask(`What (${Object.keys(KINDS).join(', ')})`, 'service')
  if (!Object.hasOwn(KINDS, kind)) throw new ScaffoldError(`there is no kind "${kind}".\n\n${USAGE}`)
  const files = createProject({ folder, kind: kind as Kind, javascript: values.js === true,
    ...(values.service === undefined ? {} : { service: values.service }) })
  return say(`${files.map(file => `  ${file}\n`).join('')}\ncd ${folder}\nnpm install\nnpm test\nnpm start\n`)
}

/** Without a terminal nobody can answer: the default holds. */
async function ask (question: string, fallback: string): Promise<string> {
  if (!process.stdin.isTTY) return fallback
  const lines = createInterface({ input: process.stdin, output: process.stdout })
  const answer = await lines.question(`${question} [${fallback}]: `)
  lines.close()
  return answer.trim() || fallback
}

function say (text: string): number {
  process.stdout.write(text)
  return 0
}

try {
  process.exitCode = await run()
} catch (cause) {
  const usage = (cause as { code?: string }).code?.startsWith('ERR_PARSE_ARGS') === true
  process.stderr.write(cause instanceof ScaffoldError ? `${cause.toString()}\n` : `${(cause as Error).message}\n\n${USAGE}`)
  process.exitCode = usage ? 2 : 1
}
