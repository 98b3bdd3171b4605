/** Waits for a condition instead of a time; a busy machine gets 90 s. */
export async function until (condition: () => boolean | Promise<boolean>, what = 'the condition', limitMs = 90_000): Promise<void> {
  const end = Date.now() + limitMs
  let pauseMs = 5
  while (!await condition()) {
    if (Date.now() > end) throw new Error(`${what} did not come true within ${limitMs} ms`)
    await new Promise((resolve) => setTimeout(resolve, pauseMs))
    pauseMs = Math.min(pauseMs * 1.2, 250)
  }
}
