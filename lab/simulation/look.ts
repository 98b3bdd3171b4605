/** Looks at the stores of a stage while it runs: everything that was committed, flushed or not. */
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { KeyValueDisk } from '@breakwater/messaging/testing'
import { readRows, type Query } from '../checks/read-rows.ts'
import type { Stores } from '../checks/rows.ts'
import { NODES, SQLITE } from './names.ts'
import type { Stage } from './stage.ts'

/** A connection of its own to the store of one life, with its statements. */
interface Looking { readonly database: DatabaseSync, readonly statements: Map<string, StatementSync> }

export class Look {
  readonly #stage: Stage
  readonly #looking = new Map<string, Looking>()

  constructor (stage: Stage) {
    this.#stage = stage
  }

  /** Undefined while a store is with nobody: what it has is not settled before somebody opens it. */
  read (): Stores | undefined {
    if (NODES.some(name => !this.#stage.node(name).running)) return undefined
    const [users, orders, payments, history, bus] = SQLITE.map(name => this.#query(name))
    const inventory = this.#stage.node('inventory').disk as KeyValueDisk
    return readRows({ orders: orders!, users: users!, payments: payments!, history: history!, bus: bus!,
      inventory: prefix => inventory.entries(prefix), stockViolations: this.#stage.stockViolations })
  }

  /** Rows of one store. */
  rows<Row> (name: typeof SQLITE[number], sql: string): Row[] {
    return this.#query(name)<Row>(sql)
  }

  #query (name: typeof SQLITE[number]): Query {
    return <Row>(sql: string): Row[] => {
      const { database, statements } = this.#open(name)
      const statement = statements.get(sql) ?? database.prepare(sql)
      statements.set(sql, statement)
      return statement.all() as Row[]
    }
  }

  #open (name: typeof SQLITE[number]): Looking {
    const known = this.#looking.get(name)
    // The disk closes those who look when the life they looked at ends.
    if (known?.database.isOpen === true) return known
    const looking = { database: this.#stage.sqlite(name).look(), statements: new Map<string, StatementSync>() }
    this.#looking.set(name, looking)
    return looking
  }
}
