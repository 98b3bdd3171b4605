/**
 * How many requests one turn of the event loop takes. Thousands of connections that are ready together would make the
 * turn as long as all their requests take, and timers, answers and new connections would wait for its end. Those beyond
 * the limit go first in the next turn, first come, first served.
 */
const PER_TURN = 256

export interface Asker {
  /** The next turn has begun. The connection may have ended meanwhile. */
  goOn (): void
}

export class RequestTurns {
  private readonly perTurn: number
  private left: number
  private waiting: Asker[] = []
  private announced = false
  private readonly turn = (): void => this.begin()

  constructor (perTurn = PER_TURN) {
    this.perTurn = perTurn
    this.left = perTurn
  }

  /** This turn takes no more requests: {@link wait}. */
  get full (): boolean {
    return this.left === 0
  }

  take (): void {
    this.left--
    this.announce()
  }

  wait (asker: Asker): void {
    this.waiting.push(asker)
    this.announce()
  }

  private announce (): void {
    if (this.announced) return
    this.announced = true
    setImmediate(this.turn)
  }

  private begin (): void {
    this.announced = false
    this.left = this.perTurn
    const now = this.waiting.splice(0, this.perTurn)
    for (const asker of now) asker.goOn()
    if (this.waiting.length > 0) this.announce()
  }
}
