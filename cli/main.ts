/** The command line: `breakwater <command> [options]`. What there is stands in `verbs/`. */
import { versionOf } from '@breakwater/scaffold/version'
import { BreakwaterError } from '@breakwater/starter/errors'
import { error } from './errors.ts'
import { helpOf, overview } from './help.ts'
import { quoted } from './stack-file/names.ts'
import { FAILED, OK, USAGE } from './verb.ts'
import { VERBS } from './verbs/all.ts'

const HELP_WORDS: readonly string[] = ['help', '--help', '-h']
const VERSION_WORDS: readonly string[] = ['version', '--version', '-v']

async function run (command: string, args: readonly string[]): Promise<number | undefined> {
  if (VERSION_WORDS.includes(command)) return say(`${versionOf(import.meta.dirname)}\n`)
  const verb = VERBS.find(({ name }) => name === command)
  if (HELP_WORDS.includes(command)) {
    const about = VERBS.find(({ name }) => name === args[0])
    if (about === undefined && args[0] !== undefined) throw unknownVerb(args[0])
    return say(about === undefined ? overview() : helpOf(about))
  }
  if (verb === undefined) throw unknownVerb(command)
  if (args.some(word => word === '--help' || word === '-h')) return say(helpOf(verb))
  return verb.run(process, args)
}

function unknownVerb (command: string): Error {
  return error('E_USAGE', [`there is no command ${quoted(command, VERBS.map(({ name }) => name))}`], { where: 'breakwater' })
}

function say (text: string): number {
  process.stdout.write(text)
  return OK
}

/** Foreign errors keep their message; what they mean is said by whoever knew better, and nobody did. */
function explain (cause: unknown): string {
  return cause instanceof BreakwaterError ? cause.toString() : error('E_FAILED', [(cause as Error).message ?? cause], { cause }).toString()
}

const [command = 'help', ...args] = process.argv.slice(2)
try {
  const code = await run(command, args)
  if (code !== undefined) process.exitCode = code
} catch (cause) {
  process.stderr.write(`${explain(cause)}\n`)
  process.exitCode = cause instanceof BreakwaterError && cause.code === 'E_USAGE' ? USAGE : FAILED
}
