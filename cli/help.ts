/** What the commands say of themselves. */
import { flagsHelp } from './flags.ts'
import type { Verb } from './verb.ts'
import { VERBS } from './verbs/all.ts'

export function overview (): string {
  const lines = VERBS.map(({ name, summary }) => `  ${name.padEnd(14)} ${summary}\n`).join('')
  return `breakwater <command> [options]\n\n${lines}\n"breakwater help COMMAND" tells a command's options; ` +
    'exit codes: 0 well, 1 failed, 2 wrong usage, 3 too late.\n'
}

export function helpOf ({ name, summary, words, flags }: Verb): string {
  const usage = ['breakwater', name, words, Object.keys(flags).length === 0 ? undefined : '[options]'].filter(Boolean).join(' ')
  return `${usage}\n\n${summary}\n${Object.keys(flags).length === 0 ? '' : `\n${flagsHelp(flags)}`}`
}
