/**
 * From the generation that readers have to the one that was built beside it. Readers change over in one commit, and
 * only when none of their documents would go back.
 */
import type { Applying } from './applying.ts'
import type { ProjectionParts } from './feed.ts'
import type { Generations, Progress } from './progress.ts'

const PAGE = 200
const FORGET = 500

/** To be called when the new generation has everything that the feed has; returns whether readers have it now. */
export async function swapWhenLevel (
  { store, pull }: ProjectionParts, progress: Progress, applying: Applying, { active, building }: Generations
): Promise<boolean> {
  if (building === undefined) return false
  const gone = new Set<string>()
  let after = ''
  for (;;) {
    const streams = await progress.behind(store.read, building, active, after, PAGE)
    for (const stream of streams) {
      const { version } = await progress.at(store.read, building, stream)
      const events = await pull(stream, version + 1)
      // The source has no more of it: what readers have beyond that is what the rebuild is to remove.
      if (events.length === 0) gone.add(stream)
      else await applying.stream(building, events)
    }
    if (streams.length < PAGE) break
    after = streams.at(-1)!
  }
  // Alone: an event that comes into the old generation meanwhile would be missing in the new one.
  return store.tx(async tx => {
    const now = await progress.generations(tx)
    if (now.active !== active || now.building !== building) return false
    // A parked stream is behind, too: a rebuild that lost a document would not be one.
    const left = await progress.behind(tx, building, active, '', gone.size + 1)
    if (!left.every(stream => gone.has(stream))) return false
    await progress.swap(tx)
    return true
  }, { alone: true })
}

/** Removes what nobody reads any more, a piece at a time: a large read model must not hold its store. */
export async function forgetObsolete (
  parts: ProjectionParts, progress: Progress, stopped: () => boolean
): Promise<void> {
  for (;;) {
    const generation = await progress.obsolete(parts.store.read)
    if (generation === undefined || stopped()) return
    await parts.store.tx(async tx => {
      const documents = await parts.forget(tx, generation, FORGET)
      // Last, because the rows here are what says that there is something to forget.
      if (documents === 0) await progress.forget(tx, generation, FORGET)
    })
  }
}
