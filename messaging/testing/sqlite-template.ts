/** Stores without a row: copying one is quicker than making it, and a run makes several. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { schemaOf } from '../store/sql-schema.ts'

/** By their tables. */
const TEMPLATES = new Map<string, Uint8Array>()

/** The file of a store that has its tables and nothing in them. */
export function templateOf (tables: string): Uint8Array {
  const known = TEMPLATES.get(tables)
  if (known !== undefined) return known
  const template = made(tables)
  TEMPLATES.set(tables, template)
  return template
}

/** By way of a file: Node 22 gives no bytes of a database in memory. */
function made (tables: string): Uint8Array {
  const dir = mkdtempSync(join(tmpdir(), 'breakwater-template-'))
  try {
    const file = join(dir, 'template.db')
    const database = new DatabaseSync(file)
    database.exec(schemaOf(tables, 'sqlite'))
    database.close()
    return readFileSync(file)
  } finally {
    rmSync(dir, { recursive: true })
  }
}
