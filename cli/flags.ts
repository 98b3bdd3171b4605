/** The flags of a verb: what they are, what they mean, and what one says who mistypes them. */
import { parseArgs, type ParseArgsOptionsConfig } from 'node:util'
import { nearestKey } from '@breakwater/starter/nearest-key'
import { error } from './errors.ts'

export interface Flag {
  readonly type: 'string' | 'boolean'
  readonly multiple?: boolean
  readonly short?: string
  /** What stands for its value in the help: `FILE`. */
  readonly value?: string
  /** On by default: it is given as `--no-...`. */
  readonly negative?: boolean
  readonly help: string
}

export type Flags = Readonly<Record<string, Flag>>

export type Values<F extends Flags> = {
  readonly [Name in keyof F]?: F[Name]['type'] extends 'boolean' ? boolean
    : F[Name] extends { multiple: true } ? string[] : string
}

/** Throws E_USAGE for what the verb does not know. */
export function readFlags<F extends Flags> (verb: string, args: readonly string[], flags: F): Values<F> {
  const { values, positionals } = readWords(verb, args, flags)
  const [word] = positionals
  if (word !== undefined) throw error('E_USAGE', [`"${word}" is not understood.`], { where: `breakwater ${verb}` })
  return values
}

/** The same for a verb that takes words. */
export function readWords<F extends Flags> (verb: string, args: readonly string[], flags: F) {
  const options: ParseArgsOptionsConfig = Object.fromEntries(Object.entries(flags).map(([name, flag]) => {
    const { type, multiple, short } = flag
    return [name, { type, ...(multiple === undefined ? {} : { multiple }), ...(short === undefined ? {} : { short }) }]
  }))
  try {
    const { values, positionals } = parseArgs({ args: [...args], allowNegative: true, allowPositionals: true, options })
    return { values: values as Values<F>, positionals }
  } catch (cause) {
    throw error('E_USAGE', [explain(cause as NodeJS.ErrnoException, flags)], { where: `breakwater ${verb}`, cause })
  }
}

/** Node's own sentence, without its advice about "--", which helps nobody here. */
function explain (cause: NodeJS.ErrnoException, flags: Flags): string {
  const [, flag = ''] = /'--?([^' ]+)/.exec(cause.message) ?? []
  if (cause.code !== 'ERR_PARSE_ARGS_UNKNOWN_OPTION') return cause.message
  const near = nearestKey(flag, Object.keys(flags))
  return `--${flag} is no option${near === undefined ? '.' : `. Did you mean --${near.key}?`}`
}

/** One line each: `  --scale NAME=N   copies of a service`. */
export function flagsHelp (flags: Flags): string {
  const names = Object.entries(flags).map(([name, { value, negative, short }]) => [
    short === undefined ? '' : `-${short}, `, negative === true ? '--no-' : '--', name, value === undefined ? '' : ` ${value}`
  ].join(''))
  const width = Math.max(...names.map(name => name.length))
  return Object.values(flags).map(({ help }, index) => `  ${(names[index] ?? '').padEnd(width)}  ${help}\n`).join('')
}
