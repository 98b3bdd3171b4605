import { open, readFile, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { readSnapshot, type Snapshot } from './format.ts'

/**
 * Writes the pieces to a new file, makes sure that they are on the disk, and only then lets it take the place of the
 * old one: whenever the process or the machine stops, one whole file is there.
 */
export async function replaceFile (path: string, pieces: Iterable<string>): Promise<void> {
  const temporary = `${path}.new`
  const file = await open(temporary, 'w', 0o600)
  try {
    for (const piece of pieces) {
      await file.write(piece)
      await setImmediate()
    }
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(temporary, path)
  await syncFolder(dirname(path))
}

/** What a file held: a snapshot, nothing yet, or something that is none and was moved aside to `movedTo`. */
export type Loaded = { readonly snapshot: Snapshot } | { readonly movedTo: string } | undefined

/** Reads a snapshot. What cannot be trusted is moved aside, for a person to look at, and not asked again. */
export async function loadFile (path: string, now: number): Promise<Loaded> {
  const text = await readFile(path, 'utf8').catch((failure: unknown) => {
    if ((failure as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw failure
  })
  if (text === undefined) return undefined
  const snapshot = readSnapshot(text)
  if (snapshot !== undefined) return { snapshot }
  const movedTo = `${path}.broken-${now}`
  await rename(path, movedTo)
  return { movedTo }
}

/** A rename is on the disk once its folder is. */
async function syncFolder (path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
