/** This project's config server over a case's files, asked over a socket. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createConfigServer, NATIVE_DEFAULTS } from '../../../config-server/index.ts'
import { askServer } from './ask.ts'
import { KEY, type ConfigAnswer, type ConfigCase } from './case.ts'

const ENCRYPT = { key: KEY, salt: 'deadbeef', rsa: { algorithm: 'DEFAULT', strong: false, salt: 'deadbeef' } } as const

/** The folder with the case's files and no others. */
export function lay (root: string, { files }: ConfigCase): void {
  rmSync(root, { recursive: true, force: true })
  mkdirSync(root, { recursive: true })
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true })
    writeFileSync(join(root, name), text)
  }
}

export async function askOurs (root: string, asked: ConfigCase): Promise<ConfigAnswer[]> {
  lay(root, asked)
  const backends = [{ type: 'native', native: { ...NATIVE_DEFAULTS, searchLocations: [`file:${root}`] } }] as const
  const server = await createConfigServer({ port: 0, backends, encrypt: ENCRYPT })
  try {
    return await askAll(server.url, root, asked)
  } finally {
    await server.stop()
  }
}

/** One question after the other, as each may tell of the one before. */
export async function askAll (url: string, root: string, asked: ConfigCase): Promise<ConfigAnswer[]> {
  const answers: ConfigAnswer[] = []
  for (const question of asked.questions) answers.push(await askServer(url, root, question))
  return answers
}
