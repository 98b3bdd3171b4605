import type { Preservation } from '../registry/self-preservation.ts'

/** What self-preservation is doing, in a sentence that needs no manual. */
export function preservationWords (state: Preservation): string {
  const { instances, floor, renewals, needed, expected } = state
  const numbers = `${renewals} renewals in the last minute, at least ${needed} of ${Math.round(expected)} wanted`
  switch (state.reason) {
    case 'off':
      return 'Self-preservation is off: every lease that runs out is removed.'
    case 'small':
      return `Leases expire normally. Self-preservation begins at ${floor} instances, there are ${instances}.`
    case 'starting':
      return 'The registry started less than a minute ago: nothing is removed until one full minute of renewals was watched.'
    case 'enough':
      return `Leases expire normally: ${numbers}.`
    case 'too-few':
      return `Nothing is removed at present, because too many instances stopped renewing at once: ${numbers}. ` +
        'That looks like a network fault, not like so many crashes. Some of the listed instances may be gone; check whether they reach this registry.'
  }
}
