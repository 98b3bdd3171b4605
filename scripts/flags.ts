/** The flags of the programs in `lab/` and `bench/`: each explains itself by the comment at its head. */
import { readFileSync } from 'node:fs'
import { parseArgs, type ParseArgsOptionsConfig } from 'node:util'

type Flags<Options extends ParseArgsOptionsConfig> = ReturnType<typeof parseArgs<{ options: Options }>>['values']

/**
 * What the command line says, by `parseArgs`. `--help` prints the head comment of the program `file`; so does a flag
 * that nobody knows, and ends it with 2.
 */
export function readFlags<const Options extends ParseArgsOptionsConfig> (
  file: string, options: Options
): Flags<Options> {
  const help = headComment(readFileSync(file, 'utf8'))
  if (process.argv.slice(2).some(word => word === '--help' || word === '-h')) end(help, 0)
  try {
    return parseArgs({ options }).values
  } catch (error) {
    return end(`${(error as Error).message}\n\n${help}`, 2)
  }
}

/** A whole number, or the end of the program with 2: what is mistyped must not run as something else and be green. */
export function wholeNumber (name: string, text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback
  if (/^\d{1,15}$/.test(text)) return Number(text)
  return end(`--${name} is ${JSON.stringify(text)}: a whole number is needed`, 2)
}

function headComment (source: string): string {
  const [, comment = ''] = /^\/\*\*(.*?)\*\//s.exec(source) ?? []
  return comment.replaceAll(/^ ?\* ?/gm, '').trim()
}

function end (text: string, code: number): never {
  if (code === 0) console.log(text)
  else console.error(text)
  process.exit(code)
}
