/** Looks a whole file through: its pages, each value, and whether all that was written is there. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { messagingError } from '../../errors.ts'
import { Damage, Pages, type Read } from './pages.ts'
import { NOTHING, replaced, SUMS, unseal, type Sums } from './seal.ts'

/**
 * Yields after each entry, so that others get their turn. Of a file larger than `limit` bytes only what is free and
 * what is cut off is looked at. Throws E_STORE_CORRUPT.
 */
export function * checkFile (file: string, limit = Infinity): Generator<void, void> {
  const fd = openSync(file, 'r')
  try {
    const size = fstatSync(fd).size
    const pages = new Pages(reader(fd), size)
    if (size <= limit) yield * checkEntries(pages)
    pages.checkFree(size <= limit ? Infinity : size)
  } catch (error) {
    // A number of the file that leads out of a page.
    const damage = error instanceof Damage || error instanceof RangeError
    throw damage ? messagingError('E_STORE_CORRUPT', [file, error.message], { cause: error }) : error
  } finally {
    closeSync(fd)
  }
}

/** The same at once. */
export function checkFileNow (file: string, limit: number): void {
  for (const _entry of checkFile(file, limit));
}

function * checkEntries (pages: Pages): Generator<void, void> {
  let [found, stored, wrong]: [Sums, Sums | undefined, string | undefined] = [NOTHING, undefined, undefined]
  for (const entry of pages.entries(pages.meta.main)) {
    const [key, sealed] = [entry.key.toString(), entry.value.toString()]
    const text = unseal(key, sealed)
    if (text === undefined) wrong ??= key
    else if (key === SUMS) stored = JSON.parse(text) as Sums
    else found = replaced(found, undefined, sealed)
    yield
  }
  // Nothing in it was ever sealed.
  if (stored === undefined && found.entries === 0) return
  if (wrong !== undefined) throw new Damage(`the entry ${JSON.stringify(wrong)} is not what was written`)
  if (stored?.entries !== found.entries || stored.sum !== found.sum) {
    throw new Damage(`${found.entries} entries are there, of ${stored?.entries ?? 'more'} that were written, or older ones`)
  }
}

function reader (fd: number): Read {
  return (offset, length) => {
    const bytes = Buffer.allocUnsafe(length)
    return bytes.subarray(0, readSync(fd, bytes, 0, length, offset))
  }
}
