/** What talking to a peer takes of the world; handed in, so that it can be done without sockets and clocks. */

export interface PeerReply {
  readonly status: number
  readonly body: string
}

/** Calls one peer. `path` is below its base; rejects with E_PEER_TIMEOUT or E_PEER_UNREACHABLE. */
export interface PeerCaller {
  /** The peer's base URL without credentials, ending in a slash. */
  readonly url: string
  call (method: 'GET' | 'POST', path: string, body?: string): Promise<PeerReply>
  close (): void
}

/** Calls back after a while; returns the way to call it off. */
export type After = (ms: number, callback: () => void) => () => void

export const afterReal: After = (ms, callback) => {
  const timer = setTimeout(callback, ms)
  return () => clearTimeout(timer)
}
