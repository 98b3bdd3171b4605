/** A clean stop for programs that are told to end. */
import type { Logger } from '../logger.ts'

export interface SignalSource {
  once (signal: NodeJS.Signals, listener: () => void): unknown
  exit (code: number): void
}

/** The first signal stops, and then the process ends. Handlers of the program's own run beside it. */
export function stopOnSignals (
  source: SignalSource | false = process, log: Logger, stop: () => Promise<unknown>
): void {
  if (source === false) return
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    source.once(signal, () => {
      log.info({ reason: signal }, 'stopping')
      stop().then(() => { source.exit(0) }, (failure: unknown) => {
        log.error({ err: failure }, 'the stop failed')
        source.exit(1)
      })
    })
  }
}
