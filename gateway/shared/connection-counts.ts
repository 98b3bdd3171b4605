/** Open connections of clients, over all event loops: all of them, and by address. */
import type { ClientLimits } from '../data-plane-options.ts'
import { clientNetwork } from '../security/networks.ts'
import { AddressTable } from './address-table.ts'
import { LoopCounter } from './loop-counter.ts'
import type { LoopPlace } from './shared-cells.ts'

/** Crosses to worker threads by reference. */
export interface ConnectionCells {
  readonly all: SharedArrayBuffer
  readonly byAddress: SharedArrayBuffer
}

export type Limits = Pick<ClientLimits, 'maxConnections' | 'maxConnectionsPerAddress' | 'ipv6PrefixLength'>

export class ConnectionCounts {
  readonly #limits: Limits
  readonly #all: LoopCounter
  readonly #byAddress: AddressTable

  constructor ({ all, byAddress }: ConnectionCells, limits: Limits, place: LoopPlace) {
    this.#limits = limits
    this.#all = new LoopCounter(new Int32Array(all), place)
    this.#byAddress = new AddressTable(byAddress, place)
  }

  static make ({ maxConnections }: Limits, place: LoopPlace): ConnectionCells {
    return {
      all: new SharedArrayBuffer(4 * LoopCounter.size(place)),
      byAddress: AddressTable.make(maxConnections, place)
    }
  }

  /** Counts a connection and gives what ends it; undefined when there are too many. */
  enter (address: string): (() => void) | undefined {
    const { maxConnections, maxConnectionsPerAddress, ipv6PrefixLength } = this.#limits
    if (!this.#all.enter(maxConnections || Infinity)) return undefined
    if (maxConnectionsPerAddress === 0) return () => this.#all.leave()
    const slot = this.#byAddress.enter(clientNetwork(address, ipv6PrefixLength), maxConnectionsPerAddress)
    if (slot === undefined) {
      this.#all.leave()
      return undefined
    }
    return () => {
      this.#byAddress.leave(slot)
      this.#all.leave()
    }
  }

  /** The loop at that place has ended. */
  giveBack (index: number): void {
    this.#all.giveBack(index)
    this.#byAddress.giveBack(index)
  }
}
