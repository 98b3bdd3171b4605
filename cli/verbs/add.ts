/** `breakwater add service NAME`: one more part for the project of this folder. */
import type * as Scaffold from '@breakwater/scaffold'
import { error } from '../errors.ts'
import { readWords } from '../flags.ts'
import { quoted } from '../stack-file/names.ts'
import { OK, type Verb } from '../verb.ts'

const FLAGS = { js: { type: 'boolean', help: 'a service in JavaScript' } } as const

type Add = (scaffold: typeof Scaffold, root: string, words: readonly string[], javascript: boolean) => string[]

/** By what is added; behind it the number of words it takes. */
const PARTS: Readonly<Record<string, readonly [words: number, add: Add]>> = {
  service: [1, ({ addService }, root, [name = ''], javascript) => addService(root, name, { javascript })],
  route: [2, ({ addRoute }, root, [service = '', path = '']) => addRoute(root, service, path)],
  saga: [2, ({ addSaga }, root, [service = '', name = '']) => addSaga(root, service, name)],
  plugin: [1, ({ addPlugin }, root, [name = '']) => addPlugin(root, name)]
}

export const addVerb: Verb = {
  name: 'add', words: 'service NAME | route SERVICE PATH | saga SERVICE NAME | plugin NAME', flags: FLAGS,
  summary: 'one more part for the project of this folder, with its test',
  run: async (process, args) => {
    const { values: { js = false }, positionals: [part = '', ...words] } = readWords('add', args, FLAGS)
    const [count, add] = PARTS[part] ?? []
    if (add === undefined) throw usage(`nothing to add is called ${quoted(part, Object.keys(PARTS))}`)
    if (words.length !== count) throw usage(`add ${part} needs ${count === 1 ? 'a name' : 'a service and one more word'}.`)
    const scaffold = await import('@breakwater/scaffold')
    const files = withCode(scaffold, () => add(scaffold, process.cwd(), words, js))
    process.stdout.write(files.map(file => `  ${file}\n`).join(''))
    return OK
  }
}

function withCode<Result> ({ ScaffoldError }: typeof Scaffold, work: () => Result): Result {
  try {
    return work()
  } catch (cause) {
    if (cause instanceof ScaffoldError) throw error('E_SCAFFOLD', [cause.message], { cause })
    throw cause
  }
}

function usage (text: string): Error {
  return error('E_USAGE', [text], { where: 'breakwater add' })
}
