/** Those who wait for a turn of the event loop, first come, first served: the first few go on in each. */
export class Turns<Waiting> {
  private waiting: Waiting[] = []
  private announced = false
  private readonly perTurn: number
  private readonly goOn: (one: Waiting) => void
  private readonly turn = (): void => this.begin()

  constructor (perTurn: number, goOn: (one: Waiting) => void) {
    this.perTurn = perTurn
    this.goOn = goOn
  }

  wait (one: Waiting): void {
    this.waiting.push(one)
    this.announce()
  }

  protected announce (): void {
    if (this.announced) return
    this.announced = true
    // Immediates run right behind the reads of the same iteration.
    setImmediate(this.turn)
  }

  /** The next turn begins. */
  protected begin (): void {
    this.announced = false
    for (const one of this.waiting.splice(0, this.perTurn)) this.goOn(one)
    if (this.waiting.length > 0) this.announce()
  }
}
