import { createHash, randomUUID } from 'node:crypto'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ConfigClientOptions } from './options.ts'

/** An environment that was served once, and when. */
export interface KnownEnvironment {
  readonly savedAt: string
  readonly text: string
}

/** One file for each question: application, profiles and labels. */
function fileOf (folder: string, options: ConfigClientOptions): string {
  const question = JSON.stringify([options.name, options.profile, options.labels])
  const id = createHash('sha256').update(question).digest('hex').slice(0, 16)
  return join(folder, `${options.name.replace(/[^A-Za-z0-9_-]/g, '_').slice(0, 64)}-${id}.json`)
}

/**
 * Keeps an environment for a day without config server. It holds secrets, so only the owner may read it; it is
 * renamed into place, so that a crash never leaves half a file.
 */
export async function saveKnown (folder: string, options: ConfigClientOptions, text: string, now: Date): Promise<void> {
  const file = fileOf(folder, options)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const draft = `${file}.${randomUUID()}.tmp`
  try {
    await writeFile(draft, JSON.stringify({ savedAt: now.toISOString(), text }), { mode: 0o600, flag: 'wx', flush: true })
    await rename(draft, file)
  } catch (cause) {
    await rm(draft, { force: true })
    throw cause
  }
}

/** The kept environment; undefined when there is none that can be read. */
export async function readKnown (folder: string, options: ConfigClientOptions): Promise<KnownEnvironment | undefined> {
  try {
    const known = JSON.parse(await readFile(fileOf(folder, options), 'utf8')) as Partial<KnownEnvironment>
    if (typeof known.savedAt !== 'string' || typeof known.text !== 'string') return undefined
    return { savedAt: known.savedAt, text: known.text }
  } catch {
    return undefined
  }
}
