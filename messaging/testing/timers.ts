/** The waits of a clock that a test or a world moves, from the one timer it has. */
import type { Clock } from '../clock.ts'

export function every (after: Clock['after']): Clock['every'] {
  return (ms, fn) => {
    const tick = (): void => {
      cancel = after(ms, tick)
      fn()
    }
    let cancel = after(ms, tick)
    return () => { cancel() }
  }
}

export function delay (after: Clock['after']): Clock['delay'] {
  return (ms, signal) => new Promise(resolve => {
    if (signal?.aborted === true) return resolve()
    const cancel = after(ms, () => {
      signal?.removeEventListener('abort', abort)
      resolve()
    })
    const abort = (): void => {
      cancel()
      resolve()
    }
    signal?.addEventListener('abort', abort, { once: true })
  })
}
