/** Runs tasks a few at a time: most of each is waiting for the disk. */
export async function pooled<T, R> (
  items: readonly T[], width: number, task: (item: T, at: number, lane: number) => Promise<R>
): Promise<R[]> {
  const results: R[] = []
  const rest = items.entries()
  const work = async (lane: number): Promise<void> => {
    for (const [at, item] of rest) results[at] = await task(item, at, lane)
  }
  await Promise.all(Array.from({ length: width }, (_, lane) => work(lane)))
  return results
}
