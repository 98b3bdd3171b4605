/**
 * The outlets that have something to send: all of them write together, once the event loop has read what there was.
 *
 * Written one by one, every answer would wake the process at the other end of its socket, which would be asleep again
 * before the next one: waking it costs more than the write. Together they wake it once, and it stays awake for all.
 * With nothing else to read there is nothing to wait for: an answer leaves in the iteration in which it arrived.
 */
import type { Outlet } from './outlet.ts'

export class Departures {
  private waiting: Outlet[] = []
  private spare: Outlet[] = []
  private readonly leave = (): void => this.depart()

  add (outlet: Outlet): void {
    // Immediates run right behind the reads of the same iteration.
    if (this.waiting.push(outlet) === 1) setImmediate(this.leave)
  }

  private depart (): void {
    const leaving = this.waiting
    this.waiting = this.spare
    this.spare = leaving
    for (const outlet of leaving) outlet.depart()
    leaving.length = 0
  }
}
