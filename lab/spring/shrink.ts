/** Makes a case smaller for as long as it still differs. */

type Files = Readonly<Record<string, string>>

/** What a case of either kind has; a case of settings has variables and arguments, too. */
interface Given {
  readonly files: Files
  readonly env?: Files
  readonly args?: readonly string[]
}

/** Every way to leave one thing out: a file, a variable, an argument, a line. The coarse ones come first. */
function* smaller<C extends Given> (asked: C): Generator<C> {
  const { files, env = {}, args = [] } = asked
  for (const name of Object.keys(files)) yield { ...asked, files: without(files, name) }
  for (const name of Object.keys(env)) yield { ...asked, env: without(env, name) }
  for (let at = 0; at < args.length; at++) yield { ...asked, args: args.toSpliced(at, 1) }
  for (const [name, text] of Object.entries(files)) {
    for (const shorter of withoutALine(text)) yield { ...asked, files: { ...files, [name]: shorter } }
  }
}

function* withoutALine (text: string): Generator<string> {
  const lines = text.split('\n')
  for (let at = 0; lines.length > 2 && at < lines.length - 1; at++) yield lines.toSpliced(at, 1).join('\n')
}

const without = (from: Files, name: string): Files =>
  Object.fromEntries(Object.entries(from).filter(([key]) => key !== name))

/** `differs` says whether a case still shows a difference. */
export async function shrink<C extends Given> (asked: C, differs: (asked: C) => Promise<boolean>): Promise<C> {
  for (const candidate of smaller(asked)) {
    if (await differs(candidate)) return await shrink(candidate, differs)
  }
  return asked
}
