/** Files from templates: `templates/NAME/...` with `{{word}}` in their text and `__word__` in their paths. */
import { existsSync, globSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { ScaffoldError } from './scaffold-error.ts'

export type Words = Readonly<Record<string, string>>

/** Path to text, relative to the project. */
export type Files = ReadonlyMap<string, string>

// Built, this file lies in a folder of the package, and the templates beside it.
const FOLDER = join(import.meta.dirname, 'templates')
const SUFFIX = '.tpl'

/** Of several templates as one; a later one's file wins. */
export function render (names: readonly string[], words: Words): Map<string, string> {
  return new Map(names.flatMap(name => [...renderOne(join(FOLDER, name), words)]))
}

function renderOne (folder: string, words: Words): Map<string, string> {
  const paths = globSync('**/*', { cwd: folder }).filter(path => statSync(join(folder, path)).isFile())
  return new Map(paths.map(path => [targetOf(path, words), fill(readFileSync(join(folder, path), 'utf8'), words)]))
}

/** npm leaves a .gitignore out of what it packs, and Node would run a .ts of ours: templates have other names. */
function targetOf (path: string, words: Words): string {
  return path.slice(0, -SUFFIX.length).replaceAll(/__(\w+)__/g, (whole, word: string) => words[word] ?? whole).replace(/^_gitignore$/, '.gitignore')
}

/** With the words in the place of their `{{names}}`. */
export function fill (text: string, words: Words): string {
  return text.replaceAll(/\{\{([\w-]+)\}\}/g, (whole, word: string) => words[word] ?? whole)
}

/** Writes what is not there; throws before anything is written when something is. */
export function writeFiles (folder: string, files: Files): void {
  const there = [...files.keys()].find(path => existsSync(join(folder, path)))
  if (there !== undefined) throw new ScaffoldError(`${join(folder, there)} is there already: nothing was written.`)
  for (const [path, text] of files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
}

/** `place order` or `place-order` as `placeOrder`. */
export function camel (name: string): string {
  return name.replaceAll(/[-_ ]+(\w)/g, (_whole, letter: string) => letter.toUpperCase())
}

export function pascal (name: string): string {
  const text = camel(name)
  return text.charAt(0).toUpperCase() + text.slice(1)
}

/** What a service, a saga or a plugin may be called. */
export function checkName (what: string, name: string): string {
  if (/^[a-z][a-z0-9-]{0,62}$/.test(name)) return name
  throw new ScaffoldError(`"${name}" cannot be the name of a ${what}: small letters, digits and "-", a letter first.`)
}
