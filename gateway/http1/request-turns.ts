/**
 * How many requests one turn of the event loop takes. Thousands of connections that are ready together would make the
 * turn as long as all their requests take, and timers, answers and new connections would wait for its end. Those beyond
 * the limit are the first of the next turn.
 */
import { Turns } from './turns.ts'

const PER_TURN = 64

export interface Asker {
  /** A turn has begun that takes its request. It may have ended meanwhile. */
  goOn (): void
}

export class RequestTurns extends Turns<Asker> {
  private readonly most: number
  private left: number

  constructor (most = PER_TURN) {
    super(most, (asker) => asker.goOn())
    this.most = most
    this.left = most
  }

  /** This turn takes no more: {@link wait}. */
  get full (): boolean {
    return this.left === 0
  }

  take (): void {
    this.left--
    this.announce()
  }

  protected override begin (): void {
    this.left = this.most
    super.begin()
  }
}
