/** How long a request may take to arrive whole: one whose body never ends must not hold a socket for ever. */
export const REQUEST_TIMEOUT_MS = 60_000
