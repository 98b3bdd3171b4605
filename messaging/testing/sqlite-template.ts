/** Stores without a row: copying one is quicker than making it, and a run makes several. */
import { DatabaseSync } from 'node:sqlite'
import { schemaOf } from '../store/sql-schema.ts'

/** By their tables. */
const TEMPLATES = new Map<string, Uint8Array>()

/** The file of a store that has its tables and nothing in them. */
export function templateOf (tables: string): Uint8Array {
  const known = TEMPLATES.get(tables)
  if (known !== undefined) return known
  const database = new DatabaseSync(':memory:')
  try {
    database.exec(schemaOf(tables, 'sqlite'))
    const template = database.serialize()
    TEMPLATES.set(tables, template)
    return template
  } finally {
    database.close()
  }
}
