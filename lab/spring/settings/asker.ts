/** Puts a case's files on the disk and asks either side. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { FOLDER, placed, type Answers, type SettingsCase } from './case.ts'
import { askOurs } from './ours.ts'

export type Ask = (asked: SettingsCase, folder: string) => Promise<Answers>

/** Asks with the files in a folder of this name, which is gone afterwards. Small files are written soonest at once. */
export async function askIn (folder: string, asked: SettingsCase, ask: Ask = askOurs): Promise<Answers> {
  const there = placed(asked, folder)
  mkdirSync(folder, { recursive: true })
  try {
    for (const [name, text] of Object.entries(there.files)) put(join(folder, name), text)
    return JSON.parse(JSON.stringify(await ask(there, folder)).replaceAll(folder, FOLDER)) as Answers
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function put (file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
}
