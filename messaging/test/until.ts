/** Waits for a condition; conditions, not sleeps, or a busy machine fails the test. */
export async function until (condition: () => boolean | Promise<boolean>, what: string, ms = 90_000): Promise<void> {
  const deadline = Date.now() + ms
  while (!await condition()) {
    if (Date.now() > deadline) throw new Error(`gave up waiting until ${what}`)
    await new Promise(resolve => { setTimeout(resolve, 10) })
  }
}
