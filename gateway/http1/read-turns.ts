/**
 * Connections in the middle of large bodies take turns. Left alone, libuv reads up to 32 buffers from one socket before
 * it looks at the next, and all ready sockets before anything else: a thousand large bodies at once would keep the loop
 * from everybody for a second. So a connection stops after each large read and goes on in a later turn.
 */
import { Turns } from './turns.ts'

/** Bytes from which a read is large. Forwarding less costs no more than stopping and starting. */
export const LARGE_READ = 16_384
const PER_TURN = 64

export interface Reader {
  /** Its turn has come. It may have ended meanwhile. */
  readOn (): void
}

export class ReadTurns extends Turns<Reader> {
  constructor () {
    super(PER_TURN, (reader) => reader.readOn())
  }
}
