/** The settings of a program that is not ours: as Spring reads them, from files, environment and command line. */
import { loadSettings } from '../settings/index.ts'
import type { Settings } from '../settings/index.ts'

/** Its command line is its own: only `--name=value` words with a dot in the name are taken for settings. */
export function settingsFor (name: string, { argv, env } = process): Promise<Settings> {
  const args = Object.fromEntries(argv.flatMap(word => {
    const [, key, value] = /^--([\w-]+\.[\w.[\]-]+)=(.*)$/s.exec(word) ?? []
    return key === undefined ? [] : [[key, value ?? '']]
  }))
  return loadSettings({ name, env, args })
}
