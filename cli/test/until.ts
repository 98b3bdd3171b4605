/** Polls until the condition holds; fails after a minute and a half. Returns how long it took in milliseconds. */
export async function until (what: string, condition: () => boolean | Promise<boolean>): Promise<number> {
  const started = performance.now()
  while (performance.now() - started < 90_000) {
    if (await condition()) return performance.now() - started
    await new Promise(resolve => { setTimeout(resolve, 5) })
  }
  throw new Error(`not within 90 s: ${what}`)
}
