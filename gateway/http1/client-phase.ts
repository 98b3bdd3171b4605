/** Where a client connection stands. */

/** Waiting for (the rest of) a head. */
export const HEAD = 0
/** The head is through, its body is not. */
export const UPLOAD = 1
/** The request is in, its answer is not out. */
export const BUSY = 2
/** Nothing more is answered; input is thrown away until the client closes. */
export const LINGER = 3
export const CLOSED = 4
